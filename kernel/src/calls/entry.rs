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

use core::mem::{offset_of, size_of};

use warren_engine::{
    instance::{Instance, Kind},
    layout::{Cpu, Frame, Object},
    part,
    stub::RETURN,
};

use super::{fast::Table, gate, steps::domain_entered, system_call};
use crate::cpu::{
    block::Block,
    descriptors::{KERNEL_CODE, KERNEL_DATA},
    extended::{DEFAULT_MXCSR, INITIAL, restore_extended, restore_extended_by_eax},
    registers,
};
use crate::memory::user_stacks::{GAP, UserStack};
use crate::traps::faults::may_fault;

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
    /// rbx, rbp, r12, r13, r14, r15.
    pub saved: [u64; 6],
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

    // A stub comes here by `call`, in the kernel, with interrupts on. eax: which entry. What passes only values is done here;
    // the callee-saved registers lie in the stub's frame. r12: the first free frame. rbp: the function. r13: the callee's table.
    // r14: the thread's stack in its domain. r15: where the visit starts.
    ".balign 16",
    "call_gate:",
    part!("call looked up"),
    "cli",
    "mov r12, gs:[{frame}]",
    "mov rbx, [r12 - {frame_bytes} + {frame_object}]",
    "mov rbp, [rbx + {object_kind}]",
    "mov rbp, [rbp + {kind_platform}]",
    // Nothing is mapped there if nothing was learnt of the kind.
    may_fault!("mov rbp, [rbp + rax * 8]", "call_gate_slow"),
    "test rbp, rbp",
    "jz call_gate_slow",
    // The callee is not to fail on purpose.
    "mov r13, [rbx + {object_instance}]",
    "cmp qword ptr [r13 + {fault}], 0",
    "jne call_gate_slow",
    // The dead have no table.
    "mov r13, [r13 + {instance_platform}]",
    may_fault!("mov r14, [r13 + {table_stacks}]", "call_gate_slow"),
    part!("stack"),
    "add r14, gs:[{user_stacks}]",
    "mov r15, [r14 + {next}]",
    "cmp r15, [r14 + {enough}]",
    "jb call_gate_slow",
    // What comes back finds a word that is not 0, and what is as after `gate::enter` in the frame.
    part!("frame"),
    "push 1",
    "mov r10, rcx",
    "mov r11, gs:[{kernel_stack}]",
    "mov [r12 - {frame_bytes} + {platform}], r11",
    "mov rbx, cr3",
    "mov r11, gs:[{in_domain}]",
    "and r11, rbx",
    "mov [r12 - {frame_bytes} + {platform} + 8], r11",
    "mov [r12 - {frame_bytes} + {platform} + 16], r15",
    "mov [r12 - {frame_bytes} + {platform} + 24], r14",
    "mov [r12 - {frame_bytes} + {platform} + 32], r13",
    "mov gs:[{kernel_stack}], rsp",
    part!("page table"),
    "mov qword ptr gs:[{in_domain}], -1",
    "mov rcx, [r13 + {table_root}]",
    "cmp rcx, rbx",
    "je 65f",
    "mov cr3, rcx",
    "65:",
    part!("callee entered"),
    "mov rcx, [r13 + {table_trampoline}]",
    "mov eax, 7",
    restore_extended_by_eax!("rip + {initial}"),
    "mov rax, rbp",
    "lea rsp, [r15 - {gap}]",
    domain_entered!(),

    // It is not as simple as that.
    "call_gate_slow:",
    part!("the long way"),
    "mov rbx, [r12 - {frame_bytes} + {frame_saved}]",
    "mov rbp, [r12 - {frame_bytes} + {frame_saved} + 8]",
    "mov r13, [r12 - {frame_bytes} + {frame_saved} + 24]",
    "mov r14, [r12 - {frame_bytes} + {frame_saved} + 32]",
    "mov r15, [r12 - {frame_bytes} + {frame_saved} + 40]",
    "mov r12, [r12 - {frame_bytes} + {frame_saved} + 16]",
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
    "mov rdi, rsp",
    "push 0",
    "call {enter}",
    "test rax, rax",
    "jnz 62f",
    "mov gs:[{kernel_stack}], rsp",
    restore_extended!("rip + {initial}"),
    "add rsp, 8",
    "pop rdi",
    "pop rsi",
    "pop rdx",
    "pop r10",
    "pop r8",
    "pop r9",
    "pop rax",
    "mov rcx, [rsp + 8]",
    "mov rsp, [rsp]",
    domain_entered!(),

    // The domain returns to a gate. rdi: error, rdx: value. rsp: the first free frame.
    ".globl call_slow_return",
    "call_slow_return:",
    part!("return to the caller"),
    "lea r11, [rsp - {frame_bytes}]",
    "mov rsp, gs:[{kernel_stack}]",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
    "pop rcx",
    "jrcxz 64f",
    // In assembly, as it came.
    "mov rax, rdi",
    "mov rcx, [r11 + {platform}]",
    "mov gs:[{kernel_stack}], rcx",
    "mov qword ptr [r11 + {platform}], 0",
    // A caller without page tables of its own does with those that are loaded.
    "mov rcx, [r11 + {platform} + 8]",
    "jrcxz 65f",
    "mov rbx, cr3",
    "cmp rcx, rbx",
    "je 66f",
    "mov cr3, rcx",
    "66:",
    "mov rcx, [r11 + {platform} + 24]",
    "mov rbx, [r11 + {platform} + 16]",
    "mov [rcx + {next}], rbx",
    "mov rbx, [r11 + {frame_saved}]",
    "mov rbp, [r11 + {frame_saved} + 8]",
    "mov r12, [r11 + {frame_saved} + 16]",
    "mov r13, [r11 + {frame_saved} + 24]",
    "mov r14, [r11 + {frame_saved} + 32]",
    "mov r15, [r11 + {frame_saved} + 40]",
    "sti",
    "ret",
    "65:",
    "mov gs:[{in_domain}], rcx",
    "jmp 66b",
    "64:",
    "push rcx",
    "mov rsi, rdx",
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

    // The fast path comes here with what it cannot do. Every register is as the domain left it, but r11 is its stack
    // pointer.
    ".globl call_slow",
    "call_slow:",
    part!("the long way"),
    "mov rsp, gs:[{kernel_stack}]",
    "push r15",
    "push r14",
    "push r13",
    "push r12",
    "push rbp",
    "push rbx",
    "push r11",
    "push rcx",
    "mov eax, eax",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
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
    "xor edi, edi",
    "xor esi, esi",
    "xor r8d, r8d",
    "xor r9d, r9d",
    "xor r10d, r10d",
    "mov rbp, [rbx + {saved} + 8]",
    "mov r12, [rbx + {saved} + 16]",
    "mov r13, [rbx + {saved} + 24]",
    "mov r14, [rbx + {saved} + 32]",
    "mov r15, [rbx + {saved} + 40]",
    "mov rbx, [rbx + {saved}]",
    "swapgs",
    "sysretq",

    // Copied into a page of every domain. `sysretq` comes here with the function in rax and the fourth
    // argument in r10, because it needs rcx itself.
    ".pushsection .rodata",
    ".globl call_trampoline",
    "call_trampoline:",
    "mov rcx, r10",
    "call rax",
    "mov rdi, rax",
    "mov eax, {return_number}",
    "syscall",
    "ud2",
    ".globl call_trampoline_end",
    "call_trampoline_end:",
    ".popsection",
    gates = const GATES,
    gate_bytes = const GATE_BYTES,
    index = const offset_of!(GateCall, index),
    kernel_stack = const offset_of!(Block, kernel_stack),
    in_domain = const offset_of!(Block, in_domain),
    rip = const offset_of!(UserCall, rip),
    saved = const offset_of!(UserCall, saved),
    frame = const offset_of!(Cpu, frame),
    frame_bytes = const size_of::<Frame>(),
    frame_object = const offset_of!(Frame, object),
    frame_saved = const offset_of!(Frame, saved),
    platform = const offset_of!(Frame, platform),
    object_kind = const offset_of!(Object, kind),
    object_instance = const offset_of!(Object, instance),
    kind_platform = const offset_of!(Kind, platform),
    fault = const offset_of!(Instance, fault),
    instance_platform = const offset_of!(Instance, platform),
    table_root = const offset_of!(Table, root),
    table_trampoline = const offset_of!(Table, trampoline),
    table_stacks = const offset_of!(Table, stacks),
    user_stacks = const offset_of!(Block, user_stacks),
    next = const offset_of!(UserStack, next),
    enough = const offset_of!(UserStack, enough),
    gap = const GAP,
    return_number = const RETURN.cast_signed(),
    stack = const offset_of!(UserCall, stack),
    initial = sym INITIAL,
    mxcsr = sym DEFAULT_MXCSR,
    enter = sym gate::enter,
    leave = sym gate::leave,
    room = sym system_call::room,
    system_call = sym system_call::system_call,
);
