//! From one thread's kernel stack to another's.
#![expect(unsafe_code, reason = "switches stacks")]

core::arch::global_asm!(
    // fn(save: *mut u64 rdi, load: u64 rsi): comes back when somebody loads what was saved.
    ".globl thread_switch",
    "thread_switch:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "mov [rdi], rsp",
    "mov rsp, rsi",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
);

unsafe extern "C" {
    fn thread_switch(save: *mut u64, load: u64);
}

/// Words that [`switch`] expects on a stack: six registers and where to go on.
const WORDS: usize = 7;

/// Stores the running thread's stack pointer at `save`, and goes on at the one in `load`.
///
/// # Safety
///
/// `load` was stored by this function or made by [`prepare`], and is used once. Interrupts are off.
pub unsafe fn switch(save: *mut u64, load: u64) {
    // SAFETY: the caller's promise.
    unsafe { thread_switch(save, load) };
}

/// Makes a stack on which [`switch`] goes on with `function`. Returns its pointer.
///
/// # Safety
///
/// The words below `top` are memory of a stack that nobody uses.
pub unsafe fn prepare(top: u64, function: extern "C" fn() -> !) -> u64 {
    // One word stays free above, as if the function had been called.
    let start = (top & !15) - 8 - 8 * WORDS as u64;
    let mut words = [0u64; WORDS];
    words[WORDS - 1] = function as *const () as u64;
    // SAFETY: the words lie below `top`, where the caller lets them be.
    unsafe { (start as *mut [u64; WORDS]).write(words) };
    start
}
