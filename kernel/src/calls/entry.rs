//! The instructions that cross between kernel and domains.
//!
//! # Registers on the way into a domain
//!
//! Arguments, and nothing else: every other register is zero or in its initial state, so that nothing of
//! the caller's or the kernel's shows. The same holds on the way back.
//!
//! # The stack of the kernel
//!
//! `Block::kernel_stack` is where an entry from the domain goes on. A gate stores its own stack pointer
//! there, and puts the old value back when the domain has returned. So the stack holds the history of the
//! thread: a gate, a system call made by what it entered, the next gate.
#![expect(unsafe_code, reason = "entries and exits of the kernel")]

use core::mem::offset_of;

use warren_engine::stub::FIRST_CALL;

use super::{gate, system_call};
use crate::cpu::{
    block::Block,
    descriptors::{KERNEL_CODE, KERNEL_DATA},
    extended::{DEFAULT_MXCSR, INITIAL, restore_extended},
    registers,
};

/// Gates: as many as a kind can have entries.
const GATES: usize = warren_engine::death::LOST_ENTRIES;
const GATE_BYTES: usize = 16;

/// Flags that a system call clears: arithmetic, trap, interrupts, direction, I/O privilege, nesting,
/// resume, alignment checks.
const CLEARED_FLAGS: u64 = 0x0025_7fd5;

/// What a gate hands to and gets from [`gate::enter`], on the kernel's stack. Behind it lie what the gate saved
/// and the call's return address, then the words that travel on the stack.
#[derive(Debug)]
#[repr(C)]
pub struct GateCall {
    /// What the domain is to find in rdi, rsi, rdx, rcx, r8, r9.
    pub user: [u64; 6],
    /// Address of the entered function.
    pub function: u64,
    /// The stack pointer there.
    pub stack: u64,
    /// Where the trampoline is.
    pub trampoline: u64,
    /// Which entry of the object.
    pub index: u64,
    /// rdi, rsi, rdx, rcx, r8, r9 of the call.
    pub words: [u64; 6],
    saved: [u64; 6],
    return_address: u64,
    /// Words that travel on the stack.
    pub stack_words: [u64; warren_abi::call::STACK_WORDS],
}

/// What a system call came with, on the kernel's stack.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct UserCall {
    /// Which.
    pub number: u64,
    /// rdi, rsi, rdx, r10 (for rcx), r8, r9.
    pub words: [u64; 6],
    /// Where to go on.
    pub rip: u64,
    /// The stack pointer.
    pub stack: u64,
}

unsafe extern "C" {
    fn call_gates();
    fn call_entry();
    static call_trampoline: u8;
    static call_trampoline_end: u8;
}

/// Address of the gate for entry `index`.
pub fn gate_address(index: usize) -> usize {
    assert!(index < GATES, "no kind has that many entries");
    call_gates as *const () as usize + index * GATE_BYTES
}

/// The code through which domains are entered, for a page that they share.
pub fn trampoline() -> &'static [u8] {
    let start = &raw const call_trampoline;
    let length = &raw const call_trampoline_end as usize - start as usize;
    // SAFETY: the two labels bound one piece of the kernel's constants.
    unsafe { core::slice::from_raw_parts(start, length) }
}

/// Lets system calls enter.
pub fn install() {
    let star = (u64::from(KERNEL_DATA) << 48) | u64::from(KERNEL_CODE) << 32;
    let entry = call_entry as *const () as u64;
    for (register, value) in
        [(registers::STAR, star), (registers::LSTAR, entry), (registers::FMASK, CLEARED_FLAGS)]
    {
        // SAFETY: selectors of the kernel's table, the entry below, and flags: no code in a domain runs yet.
        unsafe { registers::write_msr(register, value) };
    }
}

core::arch::global_asm!(
    // One gate for each index.
    ".balign 16",
    ".globl call_gates",
    "call_gates:",
    ".set gate, 0",
    ".rept {gates}",
    ".balign {gate_bytes}",
    ".byte 0xb8",                       // mov eax, gate
    ".long gate",
    "jmp call_gate",
    ".set gate, gate + 1",
    ".endr",

    // A stub comes here by `call`, in the kernel, with interrupts on. eax: which entry.
    ".balign 16",
    "call_gate:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "push r9",
    "push r8",
    "push rcx",
    "push rdx",
    "push rsi",
    "push rdi",
    "push rax",
    "sub rsp, {index}",                 // now the whole of GateCall, aligned to 16 less 8
    "cli",
    "mov rdi, rsp",
    "sub rsp, 8",
    "call {enter}",
    "test rax, rax",
    "jnz 62f",
    "mov gs:[{kernel_stack}], rsp",
    restore_extended!("rip + {initial}"),
    "add rsp, 8",
    "pop rdi",
    "pop rsi",
    "pop rdx",
    "pop rax",
    "pop r8",
    "pop r9",
    "pop r10",
    "mov rcx, [rsp + 8]",
    "mov rsp, [rsp]",
    "mov r11d, 0x202",
    "xor ebx, ebx",
    "xor ebp, ebp",
    "xor r12d, r12d",
    "xor r13d, r13d",
    "xor r14d, r14d",
    "xor r15d, r15d",
    "swapgs",
    "sysretq",

    // The domain returns to a gate. rdi: error, rsi: value; rsp is as the gate left it.
    ".globl call_slow_return",
    "call_slow_return:",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
    "lea rdx, [rsp + 8]",
    "call {leave}",
    "62:",
    "add rsp, 8 + {index} + 8 + 48",
    "sti",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",

    // `syscall` in a domain comes here, with interrupts off and what FMASK names cleared. eax: which; 0 is
    // the return of a call.
    ".balign 16",
    ".globl call_entry",
    "call_entry:",
    "swapgs",
    "mov r15, rsp",
    "mov rsp, gs:[{kernel_stack}]",
    "sub eax, {first_call}",
    "jae call_fast",
    "cmp eax, -{first_call}",
    "je call_fast_return",
    "mov r11d, eax",
    // The fast path comes here with what it cannot do. r11d: the number less the first of calls. r15: the
    // domain's stack pointer.
    ".globl call_slow",
    "call_slow:",
    "lea eax, [r11 + {first_call}]",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
    "push r15",
    "push rcx",
    "push r9",
    "push r8",
    "push r10",
    "push rdx",
    "push rsi",
    "push rdi",
    "push rax",
    "sub rsp, 8",
    "lea rbx, [rsp + 8]",
    "mov rdi, rbx",
    "call {room}",
    "sub rsp, rax",
    "mov rdi, rbx",
    "mov rsi, rsp",
    "call {system_call}",
    "mov r12, rax",
    "mov r13, rdx",
    restore_extended!("rip + {initial}"),
    "mov rax, r12",
    "mov rdx, r13",
    "mov rcx, [rbx + {rip}]",
    "mov r11d, 0x202",
    "mov rsp, [rbx + {stack}]",
    "xor ebx, ebx",
    "xor ebp, ebp",
    "xor edi, edi",
    "xor esi, esi",
    "xor r8d, r8d",
    "xor r9d, r9d",
    "xor r10d, r10d",
    "xor r12d, r12d",
    "xor r13d, r13d",
    "xor r14d, r14d",
    "xor r15d, r15d",
    "swapgs",
    "sysretq",

    // Copied into a page of every domain. `sysretq` comes here with the function in r10 and the fourth
    // argument in rax, because it needs rcx itself.
    ".pushsection .rodata",
    ".globl call_trampoline",
    "call_trampoline:",
    "mov rcx, rax",
    "xor eax, eax",
    "call r10",
    "mov rdi, rax",
    "mov rsi, rdx",
    "xor eax, eax",
    "syscall",
    "ud2",
    ".globl call_trampoline_end",
    "call_trampoline_end:",
    ".popsection",
    gates = const GATES,
    gate_bytes = const GATE_BYTES,
    index = const offset_of!(GateCall, index),
    kernel_stack = const offset_of!(Block, kernel_stack),
    rip = const offset_of!(UserCall, rip),
    first_call = const FIRST_CALL,
    stack = const offset_of!(UserCall, stack),
    initial = sym INITIAL,
    mxcsr = sym DEFAULT_MXCSR,
    enter = sym gate::enter,
    leave = sym gate::leave,
    room = sym system_call::room,
    system_call = sym system_call::system_call,
);
