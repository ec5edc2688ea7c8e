//! Faults: whose fault it is, and what follows.
//!
//! | where | what follows |
//! | --- | --- |
//! | a copy from or to a domain | the copy answers that the buffer is bad |
//! | code in a domain, or a server placed in the kernel | that instance dies, and its caller gets `Lost` |
//! | anywhere else in the kernel | panic |
#![expect(unsafe_code, reason = "a list that the linker puts together")]

use core::sync::atomic::{AtomicU64, Ordering};

use super::frame::TrapFrame;
use crate::{
    calls,
    cpu::{interrupts, local_apic, registers},
    panic,
};

/// Page fault.
const PAGE_FAULT: u64 = 14;
const NON_MASKABLE: u64 = 2;
const DEBUG: u64 = 1;
const DOUBLE_FAULT: u64 = 8;
const MACHINE_CHECK: u64 = 18;

const TIMER: u64 = local_apic::TIMER_VECTOR as u64;

/// One place in the kernel's text that may fault, and where to go on then.
#[derive(Clone, Copy)]
#[repr(C)]
struct Fixup {
    start: u64,
    end: u64,
    target: u64,
}

/// Assembly of instructions that may touch memory that is not there; `$target` is where it goes on then. Local labels 60 and 61.
macro_rules! may_fault {
    ($instructions:expr, $target:literal) => {
        concat!(
            "60: ",
            $instructions,
            "
            61:
            .pushsection .rodata.fixups, \"a\"
            .quad 60b, 61b, ",
            $target,
            "
            .popsection\n"
        )
    };
}

pub(crate) use may_fault;

unsafe extern "C" {
    static FIXUPS_START: [Fixup; 0];
    static FIXUPS_END: [Fixup; 0];
}

/// Why the server ends, for [`end_server`]: the kernel's lock is held from one to the other.
static VECTOR: AtomicU64 = AtomicU64::new(0);
static ADDRESS: AtomicU64 = AtomicU64::new(0);
static RIP: AtomicU64 = AtomicU64::new(0);

/// Handles what needs nothing of the kernel's state; `false` if there is more to do, for [`fault`].
pub fn is_harmless(frame: &mut TrapFrame) -> bool {
    if frame.vector == PAGE_FAULT && !frame.is_users() && fix_up(frame) {
        return true;
    }
    if frame.vector == NON_MASKABLE && panic::is_panicking() {
        interrupts::stop();
    }
    if frame.vector == NON_MASKABLE || frame.vector == DEBUG && !frame.is_users() {
        // Neither says anything about the code that runs, which goes on with its gs. A trap flag that a
        // domain set before a system call may fire at the kernel's first instruction.
        frame.rflags &= !0x100;
        return true;
    }
    if matches!(frame.vector, DOUBLE_FAULT | MACHINE_CHECK) {
        panic::fault(frame);
    }
    false
}

/// Handles a fault that is not harmless; see [`super::trap`].
pub fn fault(frame: &mut TrapFrame) -> u64 {
    if frame.vector == DEBUG && frame.is_users() {
        // Its entry loads the kernel's gs without `swapgs`: what `swapgs` brings is the kernel's still.
        // SAFETY: the kernel's gs is in use, and code in domains has none.
        unsafe { registers::write_msr(registers::KERNEL_GS_BASE, 0) };
    }
    if frame.vector == PAGE_FAULT && calls::refuse_deeper_call(frame) {
        return 0;
    }
    match calls::server_stack(frame) {
        Some(stack) => {
            note(frame);
            stack
        }
        None => panic::fault(frame),
    }
}

/// Notes why the running server must end.
pub fn note(frame: &TrapFrame) {
    VECTOR.store(frame.vector, Ordering::Relaxed);
    ADDRESS.store(registers::fault_address(), Ordering::Relaxed);
    RIP.store(frame.rip, Ordering::Relaxed);
}

/// The running server faulted: it ends. Runs on the stack that [`calls::server_stack`] named.
pub extern "C" fn end_server() -> ! {
    let vector = VECTOR.load(Ordering::Relaxed);
    let address = (vector == PAGE_FAULT).then_some(ADDRESS.load(Ordering::Relaxed));
    calls::end_server(name(vector), address, RIP.load(Ordering::Relaxed))
}

/// Goes on behind a copy that faulted, if it was one.
fn fix_up(frame: &mut TrapFrame) -> bool {
    let start = &raw const FIXUPS_START as *const Fixup;
    let count = (&raw const FIXUPS_END as usize - start as usize) / size_of::<Fixup>();
    // SAFETY: the linker script puts the list's ends around whole entries, which never change.
    let fixups = unsafe { core::slice::from_raw_parts(start, count) };
    let fixup = fixups.iter().find(|fixup| (fixup.start..fixup.end).contains(&frame.rip));
    if let Some(fixup) = fixup {
        frame.rip = fixup.target;
    }
    fixup.is_some()
}

/// What a vector means, for people.
pub fn name(vector: u64) -> &'static str {
    match vector {
        0 => "divide error",
        1 => "debug exception",
        2 => "non-maskable interrupt",
        3 => "breakpoint",
        4 => "overflow",
        5 => "bound exceeded",
        6 => "invalid instruction",
        7 => "no floating-point unit",
        8 => "double fault",
        10 => "invalid task state",
        11 => "missing segment",
        12 => "stack fault",
        13 => "protection fault",
        14 => "page fault",
        16 => "floating-point error",
        17 => "misaligned access",
        18 => "machine check",
        19 => "vector error",
        TIMER => "endless loop",
        _ => "unknown fault",
    }
}
