//! Faults on purpose: the next call into a server runs a few instructions that fail, in the server's place.
//!
//! The instructions lie in a page of the server's own region, so it is the server that faults, wherever
//! it is placed. Where it shares the engine's space, the entries of its objects lead to the page, and the first thing that
//! happens there is that they are put back. Where it does not, the platform's gate asks [`take`] for the
//! page and enters it instead of the function; until then the entries of its objects are a copy, so that whoever has
//! learnt an object by its entries does not know it.
#![expect(unsafe_code, reason = "entries of objects are raw memory")]

use alloc::vec::Vec;

use crate::{
    death::LOST_ENTRIES,
    import,
    instance::Instance,
    layout::Object,
    platform::Platform,
    reference::{current, tables},
    space::{PAGE, Protection, STATE_OFFSET},
    stub::{FIRST_CALL, FIRST_FUNCTION, STUB_BYTES},
};

/// Where the page lies in the region: below the table of requirements, far above any image.
const OFFSET: u64 = STATE_OFFSET - (4 << 20);
/// No address of a buffer, and no word of a reference.
const NONSENSE: u32 = 0x1234;
/// Index of `wsys.keep`.
const KEEP: u32 = 0;
/// Index of `wsys.panic`.
const PANIC: u32 = 15;

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reads address 0.
    Null,
    /// Writes to its own code.
    Write,
    /// Divides by zero.
    Divide,
    /// Panics.
    Panic,
    /// Uses up its stack.
    Stack,
    /// Never returns.
    Loop,
    /// Passes a word that is no reference.
    Reference,
    /// Passes a buffer that is no memory.
    Buffer,
    /// Runs an instruction that not even the kernel may.
    Privileged,
}

impl Fault {
    /// The fault that people call so.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Fault::Null,
            "write" => Fault::Write,
            "divide" => Fault::Divide,
            "panic" => Fault::Panic,
            "stack" => Fault::Stack,
            "loop" => Fault::Loop,
            "reference" => Fault::Reference,
            "buffer" => Fault::Buffer,
            "privileged" => Fault::Privileged,
            _ => return None,
        })
    }
}

/// Makes the next call into a server fail; `false` if it has no way to: no memory, or no call to pass a buffer to.
/// Outside of `critical`.
pub fn arm<P: Platform>(instance: &Instance, fault: Fault) -> bool {
    P::critical(|| {
        let Some(code) = code::<P>(instance, fault) else { return false };
        let page = instance.base + OFFSET;
        if P::read(page, &mut [0]) {
            P::write(page, &code);
        } else if P::map(page, PAGE, &code, Protection::ReadExecute).is_err() {
            return false;
        }
        instance.fault.set(page);
        let mut entries = instance.fault_entries.take();
        if entries.is_empty() {
            // Where the engine's space is shared, the page is the same each time; elsewhere these are the gates again.
            let entry = |index| match instance.shares_space() {
                true => page as usize,
                false => P::gate(index),
            };
            entries = (0..LOST_ENTRIES).map(entry).collect();
        }
        // The box goes with the record.
        set_entries::<P>(instance, |_| entries.as_ptr());
        instance.fault_entries.set(entries);
        true
    })
}

/// The page to enter instead of a function, if this call into the instance is to fail. The next one does not.
/// Inside `critical`.
pub fn take<P: Platform>(instance: &Instance) -> Option<u64> {
    let page = Some(instance.fault.replace(0)).filter(|page| *page != 0)?;
    // SAFETY: an object's kind is valid for good.
    set_entries::<P>(instance, |object| unsafe { (*object.kind).entries.as_ptr() });
    Some(page)
}

/// Puts the entries of the running server back.
extern "C" fn restore<P: Platform>() {
    let instance = current::<P>();
    P::critical(|| take::<P>(instance));
}

/// Sets the entries of all living objects of an instance. Inside `critical`.
fn set_entries<P: Platform>(instance: &Instance, entries: impl Fn(&Object) -> *const usize) {
    // SAFETY: inside `critical`, and the borrow ends at once.
    let objects = unsafe { tables::<P>() }.objects().filter(|object| {
        // SAFETY: objects are valid for good.
        core::ptr::eq(unsafe { (**object).instance }, instance)
    });
    for object in objects.take(instance.entries.get() as usize) {
        // SAFETY: as above, and nobody else touches them inside `critical`.
        let object = unsafe { &mut *object };
        if object.flags & Object::DEAD == 0 {
            object.entries = entries(object);
        }
    }
}

/// The page's contents.
fn code<P: Platform>(instance: &Instance, fault: Fault) -> Option<Vec<u8>> {
    let mut code = Vec::new();
    if instance.shares_space() {
        call_address(&mut code, restore::<P> as *const () as u64);
    }
    match fault {
        // xor eax, eax; mov eax, [rax]
        Fault::Null => code.extend([0x31, 0xc0, 0x8b, 0x00]),
        // lea rax, [rip - 7]; mov [rax], eax
        Fault::Write => code.extend([0x48, 0x8d, 0x05, 0xf9, 0xff, 0xff, 0xff, 0x89, 0x00]),
        // xor ecx, ecx; xor edx, edx; div ecx
        Fault::Divide => code.extend([0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1]),
        // push rax; jmp to it
        Fault::Stack => code.extend([0x50, 0xeb, 0xfd]),
        // jmp to itself
        Fault::Loop => code.extend([0xeb, 0xfe]),
        // mov ecx, 5; xor eax, eax; xor edx, edx; xsetbv
        Fault::Privileged => {
            code.extend([0xb9, 5, 0, 0, 0, 0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x01, 0xd1]);
        }
        Fault::Panic => call_function::<P>(&mut code, instance, PANIC, 0),
        Fault::Reference => call_function::<P>(&mut code, instance, KEEP, NONSENSE),
        Fault::Buffer => call_with_bad_buffer::<P>(&mut code, instance)?,
    }
    Some(code)
}

/// Calls one of the functions that every server may use with one word, and nothing in the second.
fn call_function<P: Platform>(code: &mut Vec<u8>, instance: &Instance, index: u32, word: u32) {
    code.push(0xbf); // mov edi, word
    code.extend(word.to_le_bytes());
    code.extend([0x31, 0xf6]); // xor esi, esi
    let address = import::functions::<P>()[index as usize];
    enter(code, instance, FIRST_FUNCTION + index, address);
}

/// Makes the first outgoing call that takes a buffer and no reference, with an address that is none.
fn call_with_bad_buffer<P: Platform>(code: &mut Vec<u8>, instance: &Instance) -> Option<()> {
    let calls = instance.calls.iter().enumerate();
    let (index, slot) = calls
        .filter(|(_, call)| call.function.carriage.begins_with_buffer())
        .find_map(|(index, call)| Some((index, requirement::<P>(instance, call.service)?)))?;
    code.extend([0x48, 0xb8]); // mov rax, address of the requirement
    code.extend(slot.to_le_bytes());
    code.extend([0x48, 0x8b, 0x38]); // mov rdi, [rax]
    code.push(0xbe); // mov esi, address
    code.extend(NONSENSE.to_le_bytes());
    code.extend([0xba, 8, 0, 0, 0]); // mov edx, 8
    code.extend([0x31, 0xc9, 0x45, 0x31, 0xc0, 0x45, 0x31, 0xc9]); // xor ecx, r8d, r9d
    let address = instance.stubs.start + (index * STUB_BYTES) as u64;
    enter(code, instance, FIRST_CALL + index as u32, address);
    Some(())
}

/// Address of the entry in the table of requirements by which a service is connected. Inside `critical`.
fn requirement<P: Platform>(instance: &Instance, service: u32) -> Option<u64> {
    (0..PAGE / 8).map(|slot| instance.required() + slot * 8).find(|&address| {
        let mut word = [0; 8];
        P::read(address, &mut word);
        // SAFETY: inside `critical`.
        let object = unsafe { tables::<P>() }.object(u64::from_le_bytes(word));
        // SAFETY: objects are valid for good.
        object.is_some_and(|object| unsafe { (*object).service } == u64::from(service))
    })
}

/// Appends a call into the engine or to a stub, and the return of what it answers.
fn enter(code: &mut Vec<u8>, instance: &Instance, number: u32, address: u64) {
    if instance.shares_space() {
        call_address(code, address);
    } else {
        code.extend([0x49, 0x89, 0xca, 0xb8]); // mov r10, rcx; mov eax, number
        code.extend(number.to_le_bytes());
        code.extend([0x0f, 0x05]); // syscall
    }
    code.push(0xc3); // ret
}

/// Appends a call with the stack aligned as the C ABI wants it.
fn call_address(code: &mut Vec<u8>, address: u64) {
    code.extend([0x48, 0x83, 0xec, 0x08]); // sub rsp, 8
    code.extend([0x48, 0xb8]); // mov rax, address
    code.extend(address.to_le_bytes());
    code.extend([0xff, 0xd0]); // call rax
    code.extend([0x48, 0x83, 0xc4, 0x08]); // add rsp, 8
}
