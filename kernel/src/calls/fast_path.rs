//! A call from a domain to another, or to a server in the kernel, that passes values only, without leaving assembly.
//!
//! It has the same effect as the long way: the reference is checked and pinned, a frame is pushed, the caller's lock
//! freed and the callee's taken, registers are scrubbed, stacks and page tables switched. Whatever
//! is not as simple as that goes the long way: `call_slow` finds every register as the domain left it. Until the
//! line "From here on", nothing has been changed. A callee in the kernel runs on the thread's kernel stack.
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
    reference::{count_down, count_up, newest_frame},
    stub::{SYSTEM_CALL_STACK, SlowPaths},
};

use super::{
    fast::{CALL_SHIFT, Call, Table},
    system_call::RED_ZONE,
};
use crate::{
    cpu::{
        block::{self, Block},
        extended::{DEFAULT_MXCSR, INITIAL, restore_extended},
        interrupts,
    },
    memory::user_stacks::UserStack,
    natives,
    system::{Kernel, OBJECT_TABLE},
};

/// Assembly that makes the frame, which ends in `$resume` if the call is cut off. Leaves the caller's lock in rbp.
macro_rules! frame_made {
    ($resume:literal) => {
        concat!(
            // There is room for one more frame: behind the array nothing is mapped.
            "36: mov [rbx + {return_address}], rcx\n",
            "37:\n",
            ".pushsection .rodata.fixups, \"a\"\n",
            ".quad 36b, 37b, call_slow\n",
            ".popsection\n",
            // From here on the call is made. It has a count of the object, which every way out of it gives back.
            "inc dword ptr [rdi + {object_count_field}]\n",
            "mov rbp, gs:[{temporary}]\n",
            "mov [rbx + {frame_temporary}], rbp\n",
            // The frame.
            "mov [rbx + {saved}], r15\n",
            "mov rbp, [r14 + {next}]\n",
            "mov [rbx + {saved} + 16], rbp\n",
            "mov [rbx + {saved} + 24], r14\n",
            // Below the red zone, and aligned if the stub made the call.
            "add r15, -{distance}\n",
            "mov [r14 + {next}], r15\n",
            "mov [rbx + {frame_stack}], rsp\n",
            "mov qword ptr [rbx + {resume}], offset ", $resume, "\n",
            "mov [rbx + {frame_object}], rdi\n",
            "mov [rbx + {canary}], rdi\n",
            "mov [rbx + {frame_platform}], rsp\n",
            "mov rbp, cr3\n",
            "mov [rbx + {frame_platform} + 8], rbp\n",
            "mov [rbx + {frame_platform} + 16], r13\n",
            "mov rbp, gs:[{lock}]\n",
            "mov [rbx + {frame_lock}], rbp\n",
            "add rbx, {frame_bytes}\n",
            "mov gs:[{frame}], rbx\n",
        )
    };
}

/// Assembly that makes the call, from the check of the lock to the taking of it: see the module.
macro_rules! call_made {
    () => {
        concat!(
            // The callee's lock is free; without one it is the thread's own that is taken.
            "mov r12, [rdi + {object_lock}]\n",
            "test r12, r12\n",
            "cmovz r12, gs:[{idle_lock}]\n",
            "mov rbp, gs:[{free}]\n",
            "cmp [r12], rbp\n",
            "jne call_slow\n",
            frame_made!("call_fast_resume"),
            // The locks.
            "mov r14, gs:[{free}]\n",
            "mov [rbp], r14\n",
            "mov r14, gs:[{thread}]\n",
            "mov [r12], r14\n",
            "mov gs:[{lock}], r12\n",
        )
    };
}

/// Assembly that ends the call: gives back the lock and the count, and takes the caller's lock.
macro_rules! call_ended {
    () => {
        concat!(
            "mov r12, gs:[{lock}]\n",
            "mov r11, gs:[{free}]\n",
            "mov [r12], r11\n",
            // There are no temporaries, and the call's count of the object is not the last; or the engine sees to it.
            "mov r12, [rbx - {frame_bytes} + {frame_temporary}]\n",
            "cmp r12, gs:[{temporary}]\n",
            "jne 33f\n",
            "28:\n",
            "mov r12, [rbx - {frame_bytes} + {frame_object}]\n",
            "dec dword ptr [r12 + {object_count_field}]\n",
            "jz 29f\n",
            // The caller's lock is free. If it has none, or it died meanwhile, that is the thread's own.
            "mov r12, [rbx - {frame_bytes} + {frame_lock}]\n",
            "cmp r12, gs:[{idle_lock}]\n",
            "je 35f\n",
            "32:\n",
            "cmp [r12], r11\n",
            "jne 34f\n",
            "mov r13, gs:[{thread}]\n",
            "mov [r12], r13\n",
            "mov gs:[{lock}], r12\n",
            "sub rbx, {frame_bytes}\n",
            "mov gs:[{frame}], rbx\n",
            "mov qword ptr [rbx + {frame_platform}], 0\n",
        )
    };
}

/// Assembly that goes back to the domain that called.
macro_rules! to_caller {
    () => {
        concat!(
            "mov rcx, [rbx + {saved} + 24]\n",
            "mov r12, [rbx + {saved} + 16]\n",
            "mov [rcx + {next}], r12\n",
            restore_extended!("rip + {initial}"),
            "\n",
            "mov rax, rdi\n",
            "mov rdx, rsi\n",
            "mov rsp, [rbx + {saved}]\n",
            "mov rcx, [rbx + {return_address}]\n",
            "mov r11d, 0x202\n",
            "xor edi, edi\n",
            "xor esi, esi\n",
            "xor r8d, r8d\n",
            "xor r9d, r9d\n",
            "xor r10d, r10d\n",
            "xor ebx, ebx\n",
            "xor ebp, ebp\n",
            "xor r12d, r12d\n",
            "xor r13d, r13d\n",
            "xor r14d, r14d\n",
            "xor r15d, r15d\n",
            "swapgs\n",
            "sysretq\n",
        )
    };
}

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
    "jc 40f",
    "cmp r13, [r14 + r12 + {mapped}]",
    "jb call_slow",
    "add r13, [rax + {stack_bytes}]",
    "add r14, [rbp + {caller_stacks}]",
    call_made!(),
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

    // Nothing starts where the callee's stack would. Either it lives in the kernel, on whose stack it then runs, or its
    // domain was never entered.
    "40:",
    "cmp qword ptr [rax + {root}], 0",
    "jne call_slow",
    "cmp rsp, gs:[{stack_limit}]",
    "jb call_slow",
    "add r14, [rbp + {caller_stacks}]",
    "cmp qword ptr [rax + {atomic}], 0",
    "jne 42f",
    call_made!(),
    "mov r12, [rax + {target}]",
    "mov rdi, [rdi + {object_state}]",
    "mov rcx, r10",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
    "sti",
    "call r12",
    "cli",
    "mov rdi, rax",
    "mov rsi, rdx",
    "mov rbx, gs:[{frame}]",
    call_ended!(),
    to_caller!(),

    // An atomic call of a server in the kernel: the caller's lock stays taken. The callee's is free; without one it is
    // the thread's own that is taken.
    "42:",
    "mov r12, [rdi + {object_lock}]",
    "test r12, r12",
    "cmovz r12, gs:[{idle_lock}]",
    "mov rbp, gs:[{free}]",
    "cmp [r12], rbp",
    "jne call_slow",
    frame_made!("call_atomic_resume"),
    "mov r14, gs:[{thread}]",
    "mov [r12], r14",
    "mov gs:[{lock}], r12",
    "mov r12, [rax + {target}]",
    "mov rdi, [rdi + {object_state}]",
    "mov rcx, r10",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
    "sti",
    "call r12",
    // `resume` of the frame, too. rax: error, rdx: value.
    "call_atomic_resume:",
    "cli",
    "mov rdi, rax",
    "mov rsi, rdx",
    "mov rbx, gs:[{frame}]",
    "mov r12, gs:[{lock}]",
    "mov r11, [rbx - {frame_bytes} + {frame_lock}]",
    "cmp r12, r11",
    "je 45f",
    "mov gs:[{lock}], r11",
    "mov r13, gs:[{free}]",
    "mov [r12], r13",
    "45:",
    "mov r12, [rbx - {frame_bytes} + {frame_temporary}]",
    "cmp r12, gs:[{temporary}]",
    "jne 48f",
    "46:",
    "mov r12, [rbx - {frame_bytes} + {frame_object}]",
    "dec dword ptr [r12 + {object_count_field}]",
    "jz 49f",
    "47:",
    "mov r12, [rbx - {frame_bytes} + {frame_lock}]",
    "cmp r12, gs:[{idle_lock}]",
    "je 56f",
    "55:",
    "sub rbx, {frame_bytes}",
    "mov gs:[{frame}], rbx",
    "mov qword ptr [rbx + {frame_platform}], 0",
    to_caller!(),
    // There are temporaries to drop.
    "48:",
    "push rdi",
    "push rsi",
    "push qword ptr [rbx - {frame_bytes} + {frame_object}]",
    "sub rsp, 8",
    "sti",
    "call gs:[{slow_drop}]",
    "cli",
    "add rsp, 8",
    "mov rbx, gs:[{frame}]",
    "pop qword ptr [rbx - {frame_bytes} + {frame_object}]",
    "pop rsi",
    "pop rdi",
    "jmp 46b",
    // That was the last count.
    "49:",
    "push rdi",
    "push rsi",
    "mov rdi, r12",
    "call {leave_object}",
    "pop rsi",
    "pop rdi",
    "mov rbx, gs:[{frame}]",
    "jmp 47b",
    // The caller has no lock, or died meanwhile.
    "56:",
    "mov rcx, [rbx - 2 * {frame_bytes} + {frame_object}]",
    "mov rcx, [rcx + {object_instance}]",
    "cmp qword ptr [rcx + {platform}], 0",
    "jne 55b",
    "call {return_to_dead}",
    "ud2",

    // From the system call's entry: a domain returns. rdi: error, rsi: value.
    ".balign 16",
    ".globl call_fast_return",
    "call_fast_return:",
    "mov rbx, gs:[{frame}]",
    "cmp qword ptr [rbx - {frame_bytes} + {resume}], offset call_fast_resume",
    "jne call_slow_return",
    // Also from `call_fast_resume`. The callee's lock is given back.
    "30:",
    call_ended!(),
    "mov rcx, [rbx + {frame_platform} + 8]",
    "mov cr3, rcx",
    to_caller!(),

    // There are temporaries to drop. Meanwhile the frame names the system's own object.
    "33:",
    "push rdi",
    "push rsi",
    "push qword ptr [rbx - {frame_bytes} + {frame_object}]",
    "sub rsp, 8",
    "sti",
    "call gs:[{slow_drop}]",
    "cli",
    "add rsp, 8",
    "mov rbx, gs:[{frame}]",
    "pop qword ptr [rbx - {frame_bytes} + {frame_object}]",
    "pop rsi",
    "pop rdi",
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
    "jmp 28b",
    // Somebody holds the caller's lock. The call has its count again while it waits: it may be cut off.
    "34:",
    "mov r13, [rbx - {frame_bytes} + {frame_object}]",
    "inc dword ptr [r13 + {object_count_field}]",
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
    "jmp 28b",
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
    stack_limit = const offset_of!(Block, stack_limit),
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
    atomic = const offset_of!(Call, atomic),
    next = const offset_of!(UserStack, next),
    mapped = const offset_of!(UserStack, mapped),
    distance = const RED_ZONE + SYSTEM_CALL_STACK % 16,
    initial = sym INITIAL,
    mxcsr = sym DEFAULT_MXCSR,
    return_to_dead = sym return_to_dead,
    drop_object = sym drop_object,
    leave_object = sym leave_object,
);

/// An atomic call's count of its object was the last: the object stays on the engine's list until a destructor may
/// run, because the caller's lock is taken.
extern "C" fn leave_object(object: *mut Object) {
    // SAFETY: objects are valid for good.
    unsafe { &*object }.count.fetch_add(1, Ordering::Relaxed);
    count_down::<Kernel>(object);
}

/// A call's count of its object was the last: puts it back, and takes it away as the engine does. From here on the
/// call is one of the system's own object, so that it gives no count back twice if its callee dies meanwhile.
extern "C" fn drop_object(object: *mut Object) {
    let own = natives::bottom();
    count_up(own);
    // SAFETY: the newest frame is the call's, and the running thread's.
    unsafe { (*newest_frame::<Kernel>()).object = own };
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
