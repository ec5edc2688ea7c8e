//! Contexts: a stack, and where on it to go on.
//!
//! # What a switch saves
//!
//! What the C ABI asks a function to preserve. A context that a signal interrupted is switched from
//! inside the handler; everything else lies in the signal's frame on its stack and comes back when
//! the handler returns.
#![expect(unsafe_code, reason = "stacks are switched by assembly")]

use std::{cell::Cell, io};

use crate::region::page_bytes;

/// Bytes of a thread's stack.
pub const STACK_BYTES: usize = 256 * 1024;
/// Pages of the guard below it. They become usable when a server has run out of stack, so that there is
/// a place to clean up after it.
const GUARD_PAGES: usize = 16;

core::arch::global_asm!(
    // fn(save: *mut u64 rdi, load: u64 rsi)
    ".globl warren_hosted_switch",
    "warren_hosted_switch:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "sub rsp, 8",
    "stmxcsr [rsp]",
    "fnstcw [rsp + 4]",
    "mov [rdi], rsp",
    "mov rsp, rsi",
    "ldmxcsr [rsp]",
    "fldcw [rsp + 4]",
    "add rsp, 8",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
    // fn(top rdi, main rsi, argument rdx) -> !: goes on in main(argument) with another end of its stack.
    ".globl warren_hosted_continue",
    "warren_hosted_continue:",
    "mov rsp, rdi",
    "mov rdi, rdx",
    "mov rbx, rsi",
    // Default control words, then fn(argument) -> ! in rbx.
    ".globl warren_hosted_begin",
    "warren_hosted_begin:",
    "fninit",
    "mov dword ptr [rsp - 8], 0x1f80",
    "ldmxcsr [rsp - 8]",
    "cld",
    "call rbx",
    "ud2",
);

unsafe extern "C" {
    fn warren_hosted_switch(save: *mut u64, load: u64);
    fn warren_hosted_begin();
    fn warren_hosted_continue(top: u64, main: extern "C" fn(u64) -> !, argument: u64) -> !;
}

/// Saves the running context's stack pointer in `save` and goes on at `load`.
///
/// # Safety
///
/// `load` was saved by an earlier switch or made by [`prepare`], and nobody has gone on there since. `save` is
/// where the running context's stack pointer belongs.
pub unsafe fn switch(save: *mut u64, load: u64) {
    // SAFETY: as promised by the caller.
    unsafe { warren_hosted_switch(save, load) };
}

/// Goes on in `main` with `top` as the end of the stack.
///
/// # Safety
///
/// What lies below `top` is stack of the running thread that nobody uses any more.
pub unsafe fn continue_below(top: u64, main: extern "C" fn(u64) -> !, argument: u64) -> ! {
    // SAFETY: as promised by the caller.
    unsafe { warren_hosted_continue(top & !15, main, argument) }
}

/// A stack pointer at which a switch starts `main` with `top` as the end of its stack.
///
/// # Safety
///
/// The 128 bytes below `top` are memory of a stack that nobody uses any more.
pub unsafe fn prepare(top: u64, main: extern "C" fn() -> !) -> u64 {
    const DEFAULT_CONTROL: u64 = 0x037f_0000_1f80;
    let top = top & !15;
    let words = [
        DEFAULT_CONTROL,
        0,
        0,
        0,
        0,
        0,
        main as *const () as u64,
        warren_hosted_begin as *const () as u64,
    ];
    let start = top - 16 - size_of_val(&words) as u64;
    // SAFETY: as promised by the caller.
    unsafe { (start as *mut [u64; 8]).write(words) };
    start
}

/// Address of the code that resets control words and calls what rbx holds; rsp is a multiple of 16 there.
pub fn begin() -> u64 {
    warren_hosted_begin as *const () as u64
}

/// Memory with guard pages at its low or its high end.
pub struct Guarded {
    start: usize,
    bytes: usize,
    low: bool,
    open: Cell<bool>,
}

impl Guarded {
    /// Fresh memory of at least `bytes`; the guard lies below it if `low`, above it otherwise.
    pub fn new(bytes: usize, low: bool) -> io::Result<Self> {
        let bytes = bytes.next_multiple_of(page_bytes());
        let all = bytes + GUARD_PAGES * page_bytes();
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a mapping at an address of the system's choice touches nothing that exists.
        let start =
            unsafe { libc::mmap(core::ptr::null_mut(), all, libc::PROT_NONE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let guarded = Guarded { start: start as usize, bytes, low, open: Cell::new(false) };
        if !protect(guarded.start(), bytes, true) {
            return Err(io::Error::last_os_error());
        }
        Ok(guarded)
    }

    /// First usable byte.
    pub fn start(&self) -> usize {
        self.start + if self.low { GUARD_PAGES * page_bytes() } else { 0 }
    }

    /// End of the usable bytes.
    pub fn end(&self) -> usize {
        self.start() + self.bytes
    }

    /// Whether an address lies in the guard.
    pub fn guards(&self, address: usize) -> bool {
        let guard = self.guard();
        (guard..guard + GUARD_PAGES * page_bytes()).contains(&address)
    }

    /// Makes the guard usable but for its outermost page, or a guard again; `false` if it was that already.
    pub fn open(&self, open: bool) -> bool {
        if self.open.replace(open) == open {
            return false;
        }
        let inner = self.guard() + if self.low { page_bytes() } else { 0 };
        assert!(protect(inner, (GUARD_PAGES - 1) * page_bytes(), open), "the guard is ours");
        true
    }

    fn guard(&self) -> usize {
        if self.low { self.start } else { self.end() }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new`, and its owner is gone.
        unsafe { libc::munmap(self.start as *mut _, self.bytes + GUARD_PAGES * page_bytes()) };
    }
}

/// Makes pages of a [`Guarded`] usable or not.
fn protect(start: usize, bytes: usize, usable: bool) -> bool {
    let access = if usable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
    // SAFETY: the range is part of a mapping of `Guarded`'s own.
    unsafe { libc::mprotect(start as *mut _, bytes, access) == 0 }
}
