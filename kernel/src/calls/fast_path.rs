//! A call from one domain to another that passes values only, without leaving assembly.
//!
//! It has the same effect as the long way: the reference is checked and pinned, a frame is pushed, the caller's lock
//! freed and the callee's taken, registers are scrubbed, stacks and page tables switched. Whatever
//! is not as simple as that goes the long way: `call_slow` finds every register as the domain left it. Until the
//! line "From here on", nothing has been changed.
//!
//! # What lies where in the frame
//!
//! `stack` is where the thread's kernel stack goes on, `resume` is `call_fast_resume`, `return_address` is where the caller goes on. The words for callee-saved registers, which the
//! caller's own stub has saved, hold its stack pointer, a gap, where the next visit to its domain would have
//! started, and the address of that.
//!
//! # Registers
//!
//! rax: the call's entry in the table. rbx: the first free frame. rbp: the caller's table. r11d: the call's number. r12: the
//! callee's lock. r13: its stack pointer. r14: the caller's user stack. r15: the caller's stack pointer.
#![expect(unsafe_code, reason = "entries and exits of the kernel")]

use core::{mem::offset_of, sync::atomic::Ordering};

use warren_abi::call::SystemError;
use warren_engine::{
    death,
    instance::Instance,
    layout::{Cpu, Frame, OBJECTS, Object},
    reference::count_down,
    stub::{SYSTEM_CALL_STACK, SlowPaths},
};

use super::{
    fast::{CALL_SHIFT, Call, Table},
    system_call::RED_ZONE,
};
use crate::{
    cpu::{
        block::{self, Block},
        extended::{INITIAL, restore_extended},
        interrupts,
    },
    memory::user_stacks::UserStack,
    system::{Kernel, OBJECT_TABLE},
};

core::arch::global_asm!(
    // From the system call's entry: on the kernel's stack, interrupts off. eax: the number less the first of calls.
    ".balign 16",
    ".globl call_fast",
    "call_fast:",
    "mov r11d, eax",
    "mov rbx, gs:[{frame}]",
    "mov rbp, [rbx - {frame_bytes} + {frame_object}]",
    "mov rbp, [rbp + {object_instance}]",
    "mov rbp, [rbp + {platform}]",
    // A dead instance has no table, and nothing is mapped there.
    "38: cmp eax, [rbp + {call_count}]",
    "39:",
    ".pushsection .rodata.fixups, \"a\"",
    ".quad 38b, 39b, call_slow",
    ".popsection",
    "jae call_slow",
    "shl eax, {call_shift}",
    "add rax, [rbp + {calls}]",
    // The reference: an entry of the table of objects, held by the caller.
    "lea r13, [rip + {objects}]",
    "mov r12, rdi",
    "sub r12, r13",
    "ror r12, {object_shift}",
    "cmp r12, {object_count}",
    "jae call_slow",
    "mov r13, [rbp + {counts}]",
    "cmp word ptr [r13 + r12 * 2], 0",
    "je call_slow",
    // The callee: what was learnt, and so of the right service; alive, and not to fail on purpose.
    "mov r13, [rdi + {object_entries}]",
    "cmp r13, [rax + {entries}]",
    "jne call_slow",
    "mov r13, [rax + {fault}]",
    "cmp qword ptr [r13], 0",
    "jne call_slow",
    // The callee's stack: from where a visit starts, it is mapped as far down as the callee needs.
    "mov r14, gs:[{user_stacks}]",
    "mov r12, [rax + {callee_stacks}]",
    "mov r13, [r14 + r12 + {next}]",
    "sub r13, [rax + {stack_bytes}]",
    "jc call_slow",
    "cmp r13, [r14 + r12 + {mapped}]",
    "jb call_slow",
    "add r13, [rax + {stack_bytes}]",
    "add r14, [rbp + {caller_stacks}]",
    // The callee's lock is free; without one it is the thread's own that is taken.
    "mov r12, [rdi + {object_lock}]",
    "test r12, r12",
    "cmovz r12, gs:[{idle_lock}]",
    "mov rbp, gs:[{free}]",
    "cmp [r12], rbp",
    "jne call_slow",
    // There is room for one more frame: behind the array nothing is mapped.
    "36: mov [rbx + {return_address}], rcx",
    "37:",
    ".pushsection .rodata.fixups, \"a\"",
    ".quad 36b, 37b, call_slow",
    ".popsection",

    // From here on the call is made. It has a count of the object, which every way out of it gives back.
    "inc dword ptr [rdi + {object_count_field}]",
    "mov rbp, gs:[{temporary}]",
    "mov [rbx + {frame_temporary}], rbp",
    // The frame.
    "mov [rbx + {saved}], r15",
    "mov rbp, [r14 + {next}]",
    "mov [rbx + {saved} + 16], rbp",
    "mov [rbx + {saved} + 24], r14",
    // Below the red zone, and aligned if the stub made the call.
    "add r15, -{distance}",
    "mov [r14 + {next}], r15",
    "mov [rbx + {frame_stack}], rsp",
    "mov qword ptr [rbx + {resume}], offset call_fast_resume",
    "mov [rbx + {frame_object}], rdi",
    "mov [rbx + {canary}], rdi",
    "mov [rbx + {frame_platform}], rsp",
    "mov rbp, cr3",
    "mov [rbx + {frame_platform} + 8], rbp",
    "mov [rbx + {frame_platform} + 16], r13",
    "mov rbp, gs:[{lock}]",
    "mov [rbx + {frame_lock}], rbp",
    "add rbx, {frame_bytes}",
    "mov gs:[{frame}], rbx",
    // The locks.
    "mov r14, gs:[{free}]",
    "mov [rbp], r14",
    "mov r14, gs:[{thread}]",
    "mov [r12], r14",
    "mov gs:[{lock}], r12",
    // Into the callee.
    "mov rbp, [rax + {root}]",
    "mov cr3, rbp",
    "mov rcx, [rax + {trampoline}]",
    "mov rdi, [rdi + {object_state}]",
    "mov r12, [rax + {target}]",
    "mov r14, rdx",
    restore_extended!("rip + {initial}"),
    "mov rdx, r14",
    "mov rax, r10",
    "mov r10, r12",
    "mov rsp, r13",
    "mov r11d, 0x202",
    "xor ebx, ebx",
    "xor ebp, ebp",
    "xor r12d, r12d",
    "xor r13d, r13d",
    "xor r14d, r14d",
    "xor r15d, r15d",
    "swapgs",
    "sysretq",

    // From the system call's entry: a domain returns. rdi: error, rsi: value.
    ".balign 16",
    ".globl call_fast_return",
    "call_fast_return:",
    "mov rbx, gs:[{frame}]",
    "cmp qword ptr [rbx - {frame_bytes} + {resume}], offset call_fast_resume",
    "jne call_slow_return",
    // Also from `call_fast_resume`. The callee's lock is given back.
    "30:",
    "mov r12, gs:[{lock}]",
    "mov r11, gs:[{free}]",
    "mov [r12], r11",
    // There are no temporaries, and the call's count of the object is not the last; or the engine sees to it.
    "mov r12, [rbx - {frame_bytes} + {frame_temporary}]",
    "cmp r12, gs:[{temporary}]",
    "jne 33f",
    "28:",
    "mov r12, [rbx - {frame_bytes} + {frame_object}]",
    "dec dword ptr [r12 + {object_count_field}]",
    "jz 29f",
    "31:",
    // The caller's lock is free. If it has none, or it died meanwhile, that is the thread's own.
    "mov r12, [rbx - {frame_bytes} + {frame_lock}]",
    "cmp r12, gs:[{idle_lock}]",
    "je 35f",
    "32:",
    "cmp [r12], r11",
    "jne 34f",
    "mov r13, gs:[{thread}]",
    "mov [r12], r13",
    "mov gs:[{lock}], r12",
    "sub rbx, {frame_bytes}",
    "mov gs:[{frame}], rbx",
    "mov qword ptr [rbx + {frame_platform}], 0",
    "mov rcx, [rbx + {frame_platform} + 8]",
    "mov cr3, rcx",
    "mov rcx, [rbx + {saved} + 24]",
    "mov r12, [rbx + {saved} + 16]",
    "mov [rcx + {next}], r12",
    restore_extended!("rip + {initial}"),
    "mov rax, rdi",
    "mov rdx, rsi",
    "mov rsp, [rbx + {saved}]",
    "mov rcx, [rbx + {return_address}]",
    "mov r11d, 0x202",
    "xor edi, edi",
    "xor esi, esi",
    "xor r8d, r8d",
    "xor r9d, r9d",
    "xor r10d, r10d",
    "xor ebx, ebx",
    "xor ebp, ebp",
    "xor r12d, r12d",
    "xor r13d, r13d",
    "xor r14d, r14d",
    "xor r15d, r15d",
    "swapgs",
    "sysretq",

    // There are temporaries to drop.
    "33:",
    "push rdi",
    "push rsi",
    "sti",
    "call gs:[{slow_drop}]",
    "cli",
    "pop rsi",
    "pop rdi",
    "mov rbx, gs:[{frame}]",
    "mov r11, gs:[{free}]",
    "jmp 28b",
    // That was the last count.
    "29:",
    "push rdi",
    "push rsi",
    "mov rdi, r12",
    "call {drop_object}",
    "pop rsi",
    "pop rdi",
    "mov rbx, gs:[{frame}]",
    "mov r11, gs:[{free}]",
    "jmp 31b",
    // Somebody holds the caller's lock.
    "34:",
    "push rdi",
    "push rsi",
    "mov rdi, r12",
    "sti",
    "call gs:[{slow_wait}]",
    "cli",
    "pop rsi",
    "pop rdi",
    "mov rbx, gs:[{frame}]",
    "mov r11, gs:[{free}]",
    "jmp 31b",
    // The caller has no lock, or died meanwhile.
    "35:",
    "mov rcx, [rbx - 2 * {frame_bytes} + {frame_object}]",
    "mov rcx, [rcx + {object_instance}]",
    "cmp qword ptr [rcx + {platform}], 0",
    "jne 32b",
    "call {return_to_dead}",
    "ud2",

    // `resume` of the frame: the call was cut off. In the kernel, on its stack. rax: error, rdx: value.
    ".balign 16",
    "call_fast_resume:",
    "cli",
    "mov rdi, rax",
    "mov rsi, rdx",
    "mov rbx, gs:[{frame}]",
    "jmp 30b",
    frame = const offset_of!(Cpu, frame),
    temporary = const offset_of!(Cpu, temporary),
    lock = const offset_of!(Cpu, lock),
    thread = const offset_of!(Cpu, thread),
    idle_lock = const offset_of!(Cpu, idle_lock),
    free = const offset_of!(Cpu, free),
    slow_drop = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, drop_temporaries),
    slow_wait = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, wait),
    user_stacks = const offset_of!(Block, user_stacks),
    frame_bytes = const size_of::<Frame>(),
    frame_object = const offset_of!(Frame, object),
    frame_temporary = const offset_of!(Frame, temporary),
    frame_stack = const offset_of!(Frame, stack),
    frame_platform = const offset_of!(Frame, platform),
    frame_lock = const offset_of!(Frame, lock),
    return_address = const offset_of!(Frame, return_address),
    saved = const offset_of!(Frame, saved),
    resume = const offset_of!(Frame, resume),
    canary = const offset_of!(Frame, canary),
    objects = sym OBJECT_TABLE,
    object_count = const OBJECTS,
    object_shift = const size_of::<Object>().trailing_zeros(),
    object_instance = const offset_of!(Object, instance),
    object_entries = const offset_of!(Object, entries),
    object_lock = const offset_of!(Object, lock),
    object_state = const offset_of!(Object, state),
    object_count_field = const offset_of!(Object, count),
    platform = const offset_of!(Instance, platform),
    counts = const offset_of!(Table, counts),
    calls = const offset_of!(Table, calls),
    call_count = const offset_of!(Table, call_count),
    caller_stacks = const offset_of!(Table, stacks),
    call_shift = const CALL_SHIFT,
    entries = const offset_of!(Call, entries),
    target = const offset_of!(Call, target),
    root = const offset_of!(Call, root),
    fault = const offset_of!(Call, fault),
    stack_bytes = const offset_of!(Call, stack_bytes),
    callee_stacks = const offset_of!(Call, stacks),
    trampoline = const offset_of!(Call, trampoline),
    next = const offset_of!(UserStack, next),
    mapped = const offset_of!(UserStack, mapped),
    distance = const RED_ZONE + SYSTEM_CALL_STACK % 16,
    initial = sym INITIAL,
    return_to_dead = sym return_to_dead,
    drop_object = sym drop_object,
);

/// A call's count of its object was the last: puts it back, and takes it away as the engine does.
extern "C" fn drop_object(object: *mut Object) {
    // SAFETY: objects are valid for good.
    unsafe { &*object }.count.fetch_add(1, Ordering::Relaxed);
    let cpu = block::engine();
    // SAFETY: interrupts are off, and the block is this CPU's. The callee's lock has been given back.
    let cpu = unsafe { &mut *cpu };
    cpu.lock = cpu.idle_lock;
    // SAFETY: a thread's own lock is valid while it runs.
    unsafe { &*cpu.lock }.store(cpu.thread, Ordering::Relaxed);
    if count_down::<Kernel>(object) {
        interrupts::on(death::finish::<Kernel>);
    }
    // SAFETY: as above; the borrow before has ended.
    let cpu = unsafe { &*block::engine() };
    // SAFETY: as above.
    unsafe { &*cpu.idle_lock }.store(cpu.free, Ordering::Relaxed);
}

/// A call has returned into an instance that died meanwhile: its own caller goes on instead. The
/// callee's lock has been given back.
extern "C" fn return_to_dead() -> ! {
    // SAFETY: interrupts are off, and the block is this CPU's.
    let cpu = unsafe { &mut *block::engine() };
    cpu.lock = cpu.idle_lock;
    // SAFETY: a thread's own lock is valid while it runs.
    unsafe { &*cpu.lock }.store(cpu.thread, Ordering::Relaxed);
    // The frame of the call that returned is done with; the one below is the dead instance's.
    let frame = cpu.frame.wrapping_sub(1);
    super::gate::uncross(frame);
    cpu.frame = frame;
    super::abort(SystemError::Lost.number())
}
