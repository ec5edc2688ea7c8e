//! Faults on purpose: the next call into a server runs a few instructions that fail, in the server's place.
//!
//! The instructions are written to a page of the server's own region, so that it is the server that faults,
//! wherever it is placed. A gate takes the page instead of the function ([`take`]); for a server placed in the kernel
//! the entries of all its objects lead to `crash_entry`, which puts them back and goes on in the page.
#![expect(unsafe_code, reason = "entries of objects are raw memory")]

use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use warren_abi::signature::Part;
use warren_engine::{
    death::LOST_ENTRIES,
    import,
    instance::Instance,
    layout::Object,
    platform::Protection,
    reference::current,
    stub::{FIRST_CALL, FIRST_FUNCTION, STUB_BYTES},
};

use crate::{
    cpu::interrupts,
    guarded::Guarded,
    memory::{PAGE, regions},
    system::{self, Kernel},
};

/// Where the page lies in the region.
const OFFSET: u64 = 12 << 20;
/// No address of a buffer, and no word of a reference.
const NONSENSE: u32 = 0x1234;
const KEEP: u32 = 0;
const PANIC: u32 = 15;

/// Numbers of the instances whose next call fails.
static PENDING: Guarded<Vec<usize>> = Guarded::new(Vec::new());
/// How many there are: gates look here first.
static COUNT: AtomicUsize = AtomicUsize::new(0);

core::arch::global_asm!(
    // A stub comes here by `call`, as to any entry.
    ".globl crash_entry",
    "crash_entry:",
    "sub rsp, 8",
    "call {restore}",
    "add rsp, 8",
    "jmp rax",
    restore = sym restore,
);

unsafe extern "C" {
    fn crash_entry();
}

/// Entries of a server placed in the kernel whose next call fails.
struct Entries([unsafe extern "C" fn(); LOST_ENTRIES]);

static CRASH: Entries = Entries([crash_entry; LOST_ENTRIES]);

/// Makes the next call into a server fail; `None` if there is no such fault.
pub fn prepare(instance: &'static Instance, fault: &str) -> Option<()> {
    let code = code_for(instance, fault)?;
    interrupts::off(|| {
        let page = instance.base + OFFSET;
        regions::unmap(page, PAGE);
        regions::map(page, PAGE, &code, Protection::ReadExecute).ok()?;
        PENDING.with(|pending| pending.push(instance.index));
        COUNT.fetch_add(1, Ordering::Relaxed);
        if instance.shares_space() {
            set_entries(instance, |_| CRASH.0.as_ptr().cast());
        }
        Some(())
    })
}

/// The page to enter instead of a function, if the call is to fail. The next one does not.
pub fn take(instance: &Instance) -> Option<u64> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    PENDING.with(|pending| {
        let place = pending.iter().position(|&index| index == instance.index)?;
        pending.swap_remove(place);
        COUNT.fetch_sub(1, Ordering::Relaxed);
        Some(instance.base + OFFSET)
    })
}

/// Puts the entries of the running server back, and returns the address of its page.
extern "C" fn restore() -> u64 {
    let instance = current::<Kernel>();
    interrupts::off(|| {
        // SAFETY: an object's kind is valid for good.
        set_entries(instance, |object| unsafe { (*object.kind).entries.as_ptr() });
        take(instance);
    });
    instance.base + OFFSET
}

/// Sets the entries of all objects of an instance.
fn set_entries(instance: &Instance, entries: impl Fn(&Object) -> *const usize) {
    for object in system::tables().objects() {
        // SAFETY: objects are valid for good, and interrupts are off.
        let object = unsafe { &mut *object };
        if core::ptr::eq(object.instance, instance) && object.flags & Object::DEAD == 0 {
            object.entries = entries(object);
        }
    }
}

/// Instructions that fail as `fault` says.
fn code_for(instance: &Instance, fault: &str) -> Option<Vec<u8>> {
    let code: &[u8] = match fault {
        // xor eax, eax; mov eax, [rax]
        "null" => &[0x31, 0xc0, 0x8b, 0x00],
        // lea rax, [rip - 7]; mov [rax], eax: its own code
        "write" => &[0x48, 0x8d, 0x05, 0xf9, 0xff, 0xff, 0xff, 0x89, 0x00],
        // xor ecx, ecx; mov eax, ecx; cdq; div ecx
        "divide" => &[0x31, 0xc9, 0x89, 0xc8, 0x99, 0xf7, 0xf1],
        // push rax, again and again
        "stack" => &[0x50, 0xeb, 0xfd],
        // jmp to itself
        "loop" => &[0xeb, 0xfe],
        // mov ecx, 5; xor eax, eax; xor edx, edx; xsetbv: not even the kernel may do that
        "privileged" => &[0xb9, 5, 0, 0, 0, 0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x01, 0xd1],
        "panic" => return Some(call_function(instance, PANIC, [0, 0])),
        "reference" => return Some(call_function(instance, KEEP, [NONSENSE, 0])),
        "buffer" => return call_with_bad_buffer(instance),
        _ => return None,
    };
    Some(code.to_vec())
}

/// Calls one of the functions that every server may use.
fn call_function(instance: &Instance, index: u32, words: [u32; 2]) -> Vec<u8> {
    let mut code = Vec::new();
    code.push(0xbf); // mov edi, word
    code.extend(words[0].to_le_bytes());
    code.push(0xbe); // mov esi, word
    code.extend(words[1].to_le_bytes());
    let address = import::functions::<Kernel>()[index as usize];
    enter(&mut code, instance, FIRST_FUNCTION + index, address);
    code
}

/// Makes the first outgoing call that takes a buffer and no reference, with an address that is none.
fn call_with_bad_buffer(instance: &Instance) -> Option<Vec<u8>> {
    let fits = |parameters: &[Part]| {
        let first = parameters.first().is_some_and(|part| part.is_memory());
        first && !parameters.iter().any(|part| matches!(part, Part::Reference(_)))
    };
    let calls = instance.calls.iter().enumerate();
    let candidates = calls.filter(|(_, call)| fits(&call.function.parameters));
    let (index, slot) = candidates
        .filter_map(|(index, call)| Some((index, requirement(instance, call.service)?)))
        .next()?;
    let mut code = alloc::vec![0x48, 0xb8]; // mov rax, address of the requirement
    code.extend(slot.to_le_bytes());
    code.extend([0x48, 0x8b, 0x38]); // mov rdi, [rax]
    code.push(0xbe); // mov esi, address
    code.extend(NONSENSE.to_le_bytes());
    code.extend([0xba, 8, 0, 0, 0]); // mov edx, 8
    code.extend([0x31, 0xc9, 0x45, 0x31, 0xc0, 0x45, 0x31, 0xc9]); // xor ecx, r8d, r9d
    let address = instance.stubs.start + (index * STUB_BYTES) as u64;
    enter(&mut code, instance, FIRST_CALL + index as u32, address);
    Some(code)
}

/// Address of the entry in the table of requirements by which a service is connected.
fn requirement(instance: &Instance, service: u32) -> Option<u64> {
    interrupts::off(|| {
        (0..PAGE / 8).map(|slot| instance.required() + slot * 8).find(|&address| {
            let mut word = [0; 8];
            regions::read(address, &mut word);
            let object = system::tables().object(u64::from_le_bytes(word));
            // SAFETY: objects are valid for good.
            object.is_some_and(|object| unsafe { (*object).service } == u64::from(service))
        })
    })
}

/// Appends the call itself, and the return of what it answers.
fn enter(code: &mut Vec<u8>, instance: &Instance, number: u32, address: u64) {
    code.extend([0x48, 0x83, 0xec, 0x08]); // sub rsp, 8
    if instance.shares_space() {
        code.extend([0x48, 0xb8]); // mov rax, address
        code.extend(address.to_le_bytes());
        code.extend([0xff, 0xd0]); // call rax
    } else {
        code.extend([0x49, 0x89, 0xca, 0xb8]); // mov r10, rcx; mov eax, number
        code.extend(number.to_le_bytes());
        code.extend([0x0f, 0x05]); // syscall
    }
    code.extend([0x48, 0x83, 0xc4, 0x08, 0xc3]); // add rsp, 8; ret
}
