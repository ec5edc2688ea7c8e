//! Switching interrupts off and on.
#![expect(unsafe_code, reason = "privileged instructions")]

use core::arch::asm;

use crate::threads;

/// Runs `work` with interrupts off, and leaves them as they were. Nests; the outermost one lets others run who are due because of
/// what `work` did.
pub fn off<R>(work: impl FnOnce() -> R) -> R {
    let were_on = enabled();
    disable();
    let result = work();
    if were_on {
        if threads::is_due() {
            let_others_run();
        }
        enable();
    }
    result
}

/// Goes on with whoever is due. Not inlined: there would be hundreds of copies.
#[cold]
#[inline(never)]
fn let_others_run() {
    threads::pass();
}

/// Runs `work` with interrupts on, and leaves them as they were.
pub fn on<R>(work: impl FnOnce() -> R) -> R {
    let were_on = enabled();
    enable();
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

/// Switches them off.
pub fn disable() {
    // SAFETY: code that runs with interrupts off needs nothing of them.
    unsafe { asm!("cli", options(nostack)) };
}

/// Switches them on.
pub fn enable() {
    // SAFETY: every interrupt has a gate and saves what it uses ([`crate::traps`]).
    unsafe { asm!("sti", options(nostack)) };
}

/// Waits for an interrupt: switches interrupts on, halts, and switches them off again. An interrupt
/// that is due already ends the wait, because the two instructions let none between them.
pub fn wait() {
    // SAFETY: as for `enable` and `disable`.
    unsafe { asm!("sti", "hlt", "cli", options(nostack)) };
}

/// Stops this CPU for good.
pub fn stop() -> ! {
    loop {
        // SAFETY: nothing runs here any more.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
