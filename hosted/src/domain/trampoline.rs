//! The page of the platform's own code that every domain shows: how functions are entered, and what Linux is asked by.
#![expect(unsafe_code, reason = "assembly, and addresses inside it")]

use warren_engine::stub::RETURN;

core::arch::global_asm!(
    ".pushsection .rodata",
    ".globl warren_hosted_trampoline",
    "warren_hosted_trampoline:",
    // A visit starts here, with the function in rax and its words where the C ABI has them. What it answers goes
    // into a system call.
    "call rax",
    "mov rdi, rax",
    "mov eax, {return_number}",
    "syscall",
    "ud2",
    // A system call that Linux carries out; the breakpoint tells that it has.
    ".globl warren_hosted_call",
    "warren_hosted_call:",
    "syscall",
    "int3",
    ".globl warren_hosted_trampoline_end",
    "warren_hosted_trampoline_end:",
    ".popsection",
    return_number = const RETURN.cast_signed(),
);

unsafe extern "C" {
    static warren_hosted_trampoline: u8;
    static warren_hosted_call: u8;
    static warren_hosted_trampoline_end: u8;
}

/// What the page holds.
pub fn code() -> &'static [u8] {
    let start = &raw const warren_hosted_trampoline;
    let bytes = &raw const warren_hosted_trampoline_end as usize - start as usize;
    // SAFETY: both labels bound one piece of this program's read-only data.
    unsafe { core::slice::from_raw_parts(start, bytes) }
}

/// Where a visit starts in it.
pub fn enter_offset() -> u64 {
    0
}

/// Where the system call for Linux is in it.
pub fn call_offset() -> u64 {
    (&raw const warren_hosted_call as usize - &raw const warren_hosted_trampoline as usize) as u64
}
