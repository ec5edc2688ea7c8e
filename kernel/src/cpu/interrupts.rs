//! Switching interrupts off and on, and with them the kernel's lock ([`kernel_lock`]): in Rust, interrupts are off while this CPU has
//! the lock, and on while it has not. Where assembly or the processor calls Rust with interrupts off, the lock is taken there.
#![expect(unsafe_code, reason = "privileged instructions")]

use core::arch::asm;

use super::{critical, kernel_lock, requests};

/// Runs `work` with interrupts off, and leaves them as they were. Nests; the outermost one lets others run who are due because of
/// what `work` did.
pub fn off<R>(work: impl FnOnce() -> R) -> R {
    let before = critical::begin();
    let result = work();
    critical::end(before);
    result
}

/// Does what assembly calls Rust for, with interrupts off and without the kernel's lock: takes it meanwhile. Before it has the
/// lock the thread may be switched out, as it may where interrupts are on.
pub fn in_kernel<R>(work: impl FnOnce() -> R) -> R {
    kernel_lock::take(None);
    let result = work();
    kernel_lock::give();
    result
}

/// Waits for the kernel's lock where interrupts were on.
pub extern "C" fn wait_for_kernel() {
    while !kernel_lock::try_take() {
        // What others ask is answered by interrupts, which come behind the instruction after `sti`. That is not `pause`: QEMU 7.2
        // leaves them inhibited behind it.
        // SAFETY: as for `allow` and `forbid`.
        unsafe { asm!("sti", "nop", "pause", "cli", options(nostack)) };
    }
}

/// Runs `work` with interrupts on, and leaves them as they were.
pub fn on<R>(work: impl FnOnce() -> R) -> R {
    let were_on = enabled();
    if !were_on {
        enable();
    }
    let result = work();
    if !were_on {
        disable();
    }
    result
}

/// Whether interrupts are on.
pub fn enabled() -> bool {
    let flags: u64;
    // SAFETY: reads the flags; the stack below rsp is the compiler's, which is told that it is used.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(nomem, preserves_flags)) };
    flags & 0x200 != 0
}

/// Switches them off, and takes the kernel's lock, unless that was done before.
pub fn disable() {
    let _ = critical::begin();
}

/// Gives the kernel's lock back and switches interrupts on. They are off.
pub fn enable() {
    kernel_lock::give();
    allow();
}

/// Switches them off, and nothing else.
pub fn forbid() {
    // SAFETY: code that runs with interrupts off needs nothing of them.
    unsafe { asm!("cli", options(nostack)) };
}

/// Switches them on, without the kernel's lock.
fn allow() {
    // SAFETY: every interrupt has a gate and saves what it uses ([`crate::traps`]).
    unsafe { asm!("sti", options(nostack)) };
}

/// Waits for an interrupt, without the kernel's lock: switches interrupts on, halts, and switches them off again. An interrupt
/// that is due already ends the wait, because the two instructions let none between them.
pub fn wait() {
    requests::begin_idle();
    kernel_lock::give();
    // SAFETY: as for `allow` and `forbid`.
    unsafe { asm!("sti", "hlt", "cli", options(nostack)) };
    kernel_lock::take(None);
}

/// Stops this CPU for good.
pub fn stop() -> ! {
    loop {
        // SAFETY: nothing runs here any more.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
