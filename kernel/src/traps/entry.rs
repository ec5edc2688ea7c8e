//! The entries of all vectors.
//!
//! # Which stack
//!
//! The processor enters on an interrupt stack, which the next interrupt of the same kind would overwrite. So
//! everything is saved there, and moved before Rust runs: if code in a domain was interrupted, to where
//! the thread's kernel stack goes on; if kernel code was interrupted by a device, to that code's own stack, below
//! its red zone. Only faults in kernel code stay: the fault may be that there is no stack.
//!
//! # Which gs
//!
//! The saved code segment tells. It does not for what can arrive between an entry's first
//! instruction and its `swapgs`: debug exceptions, non-maskable interrupts, double faults, machine checks. Their
//! entry (`trap_anywhere`) saves gs as it is, loads that of the CPU to which its stack belongs, and restores what was there.
#![expect(unsafe_code, reason = "entries of interrupts")]

use core::mem::offset_of;

use super::{
    faults::may_fault,
    frame::{TrapFrame, WORDS},
};
use crate::cpu::{
    block::Block,
    descriptors::VECTORS,
    extended::{AREA_BYTES, DEFAULT_MXCSR, restore_extended, save_extended},
    features::smap_site,
    local::Local,
    registers::GS_BASE,
};

unsafe extern "C" {
    fn trap_vectors();
}

/// Bytes from one vector's entry to the next.
const ENTRY_BYTES: usize = 16;

/// Address of a vector's entry.
pub fn entry_of(vector: usize) -> u64 {
    assert!(vector < VECTORS);
    (trap_vectors as *const () as usize + vector * ENTRY_BYTES) as u64
}

/// Saves the general registers behind vector and error code.
macro_rules! push_all {
    () => {
        concat!(
            smap_site!("clac"),
            "push rax
            push rbx
            push rcx
            push rdx
            push rsi
            push rdi
            push rbp
            push r8
            push r9
            push r10
            push r11
            push r12
            push r13
            push r14
            push r15
            cld
            xor ebp, ebp
            mov rbx, rsp"
        )
    };
}

/// Restores what `push_all` saved, and drops vector and error code.
macro_rules! pop_all {
    () => {
        "pop r15
        pop r14
        pop r13
        pop r12
        pop r11
        pop r10
        pop r9
        pop r8
        pop rbp
        pop rdi
        pop rsi
        pop rdx
        pop rcx
        pop rbx
        pop rax"
    };
}

/// Calls `trap` with the frame at rbx; goes on at label 9 if the interrupted code is not to go on.
macro_rules! call_trap {
    () => {
        concat!(
            "sub rsp, {area}
            and rsp, -64\n",
            save_extended!(),
            "
            ldmxcsr [rip + {mxcsr}]
            mov rdi, rbx
            call {trap}
            test rax, rax
            jnz 9f\n",
            restore_extended!("rsp"),
            "
            mov rsp, rbx"
        )
    };
}

/// Bytes of a stack that a handler of an interrupt may need; less than two guard pages.
const HANDLER_BYTES: usize = 8000;

/// Lets an interrupt go that cannot be handled now. What it was about is looked at a little later.
extern "C" fn let_go() {
    crate::cpu::local_apic::end_interrupt();
    crate::threads::alarm::try_again();
}

core::arch::global_asm!(
    // One entry for each vector: vector and error code on the stack. The same length each.
    ".balign 16",
    ".globl trap_vectors",
    "trap_vectors:",
    ".set vector, 0",
    ".rept {vectors}",
    ".balign {entry_bytes}",
    ".if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21)",
    ".else",
    "push 0",
    ".endif",
    ".byte 0x68",
    ".long vector",
    ".if (vector == 1) || (vector == 2) || (vector == 8) || (vector == 18)",
    "jmp trap_anywhere",
    ".else",
    "jmp trap_common",
    ".endif",
    ".set vector, vector + 1",
    ".endr",

    // Every other vector. On an interrupt stack; gs is the interrupted code's.
    ".balign 16",
    "trap_common:",
    push_all!(),
    "test byte ptr [rbx + {cs}], 3",
    "jz 20f",
    "swapgs",
    "mov rdi, gs:[{kernel_stack}]",
    "jmp 21f",
    "20:",
    "cmp dword ptr [rbx + {vector}], 32",
    "jb 22f",
    "mov rdi, [rbx + {rsp}]",
    "sub rdi, 128",
    "21:",
    "sub rdi, {frame_bytes}",
    "and rdi, -16",
    // A server in the kernel may be about to overflow the stack: there must be room for the handler.
    may_fault!(
        "mov rcx, [rdi - {handler_bytes} / 2]
        mov rcx, [rdi - {handler_bytes}]",
        "26f"
    ),
    "mov rsi, rsp",
    "mov rbx, rdi",
    "mov ecx, {words}",
    "rep movsq",
    "mov rsp, rbx",
    "22:",
    call_trap!(),
    "27:",
    pop_all!(),
    "test byte ptr [rsp + 24], 3",
    "jz 23f",
    "swapgs",
    "23:",
    "add rsp, 16",
    "iretq",
    // There is not: the interrupt is let go. Whoever runs overflows at once, or returns; the timer comes again.
    "26:",
    "call {let_go}",
    "jmp 27b",
    "9:",
    "mov rsp, rax",
    "call {end_server}",
    "ud2",

    // What can come between any two instructions. On an interrupt stack of its own; gs is unknown.
    ".balign 16",
    "trap_anywhere:",
    push_all!(),
    "mov ecx, {gs_base}",
    "rdmsr",
    "mov r12d, eax",
    "mov r13d, edx",
    "mov rax, [rbx + {frame_bytes}]",
    "mov rax, [rax + {block}]",
    "mov rdx, rax",
    "shr rdx, 32",
    "wrmsr",
    call_trap!(),
    "mov ecx, {gs_base}",
    "mov eax, r12d",
    "mov edx, r13d",
    "wrmsr",
    pop_all!(),
    "add rsp, 16",
    "iretq",
    "9:",
    "mov rsp, rax",
    "call {end_server}",
    "ud2",
    vectors = const VECTORS,
    entry_bytes = const ENTRY_BYTES,
    cs = const offset_of!(TrapFrame, cs),
    rsp = const offset_of!(TrapFrame, rsp),
    vector = const offset_of!(TrapFrame, vector),
    words = const WORDS,
    frame_bytes = const WORDS * 8,
    kernel_stack = const offset_of!(Block, kernel_stack),
    area = const AREA_BYTES,
    mxcsr = sym DEFAULT_MXCSR,
    block = const offset_of!(Local, block),
    gs_base = const GS_BASE,
    handler_bytes = const HANDLER_BYTES,
    let_go = sym let_go,
    trap = sym super::trap,
    end_server = sym super::faults::end_server,
);
