//! A call from a domain to another, or to a server in the kernel, in assembly; what it carries besides values is left to
//! [`carry`](super::carry).
//!
//! It has the same effect as the long way: the reference is checked and pinned, a frame is pushed, the caller's lock
//! let go of and the callee's taken, registers are scrubbed, stacks and page tables switched. Whatever
//! is not as simple as that goes the long way: `call_slow` finds every register as the domain left it. Until the
//! line "From here on", nothing has been changed but words of the first free frame and of stacks in domains that say
//! nothing while the thread is there. A callee in the kernel runs on the
//! thread's kernel stack.
//!
//! # What lies where in the frame
//!
//! `resume` is one of the addresses of [`is_fast`], `return_address` is where the caller goes on, `saved` are its
//! registers. `platform` holds, from its second word on: the caller's stack pointer; for a callee in a domain, where the
//! visit's stack starts, the thread's stack in that domain, and the table of what calls itself ([`Table`]). `stack` is not
//! used: the thread's kernel stack goes on where it did when the caller entered the kernel, or, if buffers have to be carried back
//! from a domain, below the [`Passage`](carry::Passage) that lies there.
//!
//! # Registers
//!
//! rsp is no stack pointer here but the first free frame: interrupts are off, and what comes nevertheless has a stack of its
//! own. rax: the call's number. rbp: the caller's table. rbx: the call's entry there. r11: the caller's stack pointer.
//! r12: the thread's stack in the callee's domain. r13: where the visit starts. r14: the thread's stack in the caller's domain.
//! r15: the callee's lock.
#![expect(unsafe_code, reason = "entries and exits of the kernel")]

use core::{
    cell::UnsafeCell,
    mem::{offset_of, size_of},
};

use warren_engine::{
    death,
    layout::{Cpu, Frame, MARKED, NO_LOCK, OBJECTS, Object},
    lock, part,
    reference::{
        count_down, count_up, drop_temporaries, first_temporary, instance_of, newest_frame,
    },
    stub::{RETURN, SlowPaths},
};

use super::{
    carry::{self, PASSAGE_BYTES},
    fast::{Call, Table},
    steps::{
        callee_left, callers_lock_checked, callers_lock_unwritten, callers_lock_written,
        callers_registers_restored, domain_entered, domain_left, frame_made, frame_popped,
        kernel_called, kernel_odd, kernel_unlocked, lock_checked, lock_not_free, lock_taken,
        mark_checked, passage_made, slow_ends, slow_wait, to_caller, words_made, words_taken,
    },
};
use crate::{
    cpu::{
        block::{self, Block},
        extended::{DEFAULT_MXCSR, INITIAL, restore_extended_by_eax},
        interrupts,
        kernel_lock::{self, HOLDER, NOBODY},
        local::COUNT,
    },
    memory::{
        regions,
        user_stacks::{GAP, UserStack},
    },
    natives,
    system::{Kernel, OBJECT_TABLE},
    threads,
    traps::faults::may_fault,
};

/// Words of [`Frame::platform`]; the first is the gate's.
const CALLERS_STACK: usize = 1;
const NEXT: usize = 2;
const STACK: usize = 3;
const TABLE: usize = 4;

const fn word(index: usize) -> usize {
    offset_of!(Frame, platform) + index * size_of::<u64>()
}

unsafe extern "C" {
    fn call_fast_resume();
    fn call_kernel_resume();
    fn call_atomic_resume();
    fn call_carrying_resume();
    fn call_dead_resume();
    fn call_dead_carrying_resume();
    fn call_restore();
    fn call_kernel();
    fn call_atomic();
    fn call_carrying();
    fn call_carrying_kernel();
}

/// Whether a frame was made here.
fn is_fast(frame: &Frame) -> bool {
    [
        call_fast_resume,
        call_kernel_resume,
        call_atomic_resume,
        call_carrying_resume,
        call_dead_resume,
        call_dead_carrying_resume,
    ]
    .into_iter()
    .any(|label: unsafe extern "C" fn()| frame.resume() == label as *const () as u64)
}

/// Where a call goes on that finds no stack in its callee's domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In Rust.
    Long,
    /// To a server in the kernel.
    ToKernel,
    /// The same by an atomic call.
    AtomicToKernel,
    /// To a server in the kernel, with more than values.
    CarryingToKernel,
    /// Into a domain, with more than values: it was not looked for a stack there yet.
    CarryingToDomain,
}

/// The address of a way.
pub fn otherwise(way: Way) -> u64 {
    let label: unsafe extern "C" fn() = match way {
        Way::Long => call_restore,
        Way::ToKernel => call_kernel,
        Way::AtomicToKernel => call_atomic,
        Way::CarryingToKernel => call_carrying_kernel,
        Way::CarryingToDomain => call_carrying,
    };
    label as *const () as u64
}

/// The kernel's stack pointer to which a frame's call returns. `kernel_stack` is where its thread's kernel stack goes on when
/// it enters the kernel.
pub fn stack_of(frame: &Frame, kernel_stack: u64) -> u64 {
    if is_fast(frame) { kernel_stack } else { frame.stack }
}

/// A stack that nobody has.
struct Gone(UnsafeCell<UserStack>);

// SAFETY: it is written by assembly with interrupts off, and never read.
unsafe impl Sync for Gone {}

/// What is restored in place of the thread's stack in a domain that was left already, or died.
static GONE: Gone = Gone(UnsafeCell::new(UserStack::UNKNOWN));

/// Prepares a frame for its `resume`, if it was made here: its callee died, and is not visited any more.
pub fn prepare_end(frame: &mut Frame) {
    if is_fast(frame) {
        frame.stack = block::current().kernel_stack.get();
        frame.platform[STACK] = GONE.0.get() as u64;
    }
}

/// Makes `own` the callee of a frame whose callee died. A frame that was made here has a count of its callee, which its end
/// gives back.
pub fn replace_callee(frame: &mut Frame, own: *mut Object) {
    let object = core::mem::replace(&mut frame.object, own);
    if is_fast(frame) {
        count_up(own);
        count_down::<Kernel>(object);
    }
}

/// Lets a call end in its caller's caller: the caller died.
pub fn forget_caller(frame: &mut Frame) {
    if is_fast(frame) {
        let carrying = frame.resume() == call_carrying_resume as *const () as u64
            || frame.resume() == call_dead_carrying_resume as *const () as u64;
        let resume = if carrying { call_dead_carrying_resume } else { call_dead_resume };
        frame.resume = resume as *const () as u64;
    }
}

core::arch::global_asm!(
    // Lets the frame's domain be left already, goes to the kernel's stack, and pushes the answer. Leaves the first free frame in rbx.
    ".macro call_left_and_pushed",
    "lea rbx, [rip + {gone}]",
    "mov [rsp - {frame_bytes} + {frame_user_stack}], rbx",
    "mov rbx, rsp",
    "mov rsp, gs:[{kernel_stack}]",
    "push rdi",
    "push rdx",
    ".endm",

    // `syscall` in a domain comes here, with interrupts off and what FMASK names cleared. eax: which.
    ".balign 16",
    ".globl call_entry",
    "call_entry:",
    part!("entry"),
    "swapgs",
    "cmp eax, {return_number}",
    "je call_fast_return",
    "mov r11, rsp",
    "mov rsp, gs:[{frame}]",
    // There is room for one more frame: behind the array nothing is mapped.
    may_fault!("mov [rsp + {return_address}], rcx", "call_slow"),
    part!("registers saved"),
    "mov [rsp + {saved}], rbx",
    "mov [rsp + {saved} + 8], rbp",
    "mov [rsp + {saved} + 16], r12",
    "mov [rsp + {saved} + 24], r13",
    "mov [rsp + {saved} + 32], r14",
    "mov [rsp + {saved} + 40], r15",
    "call_again:",
    part!("call looked up"),
    "mov rbp, [rsp - {frame_bytes} + {frame_table}]",
    "cmp rax, [rbp + {call_count}]",
    "jae call_restore",
    "mov rbx, [rbp + rax * 8 + {calls}]",
    // The reference: the object that was called before, held by the caller.
    part!("reference check"),
    "cmp rdi, [rbx + {call_object}]",
    "jne call_other",
    "mov r13, [rbx + {held}]",
    "cmp word ptr [r13], 0",
    "je call_restore",
    // It has the entries that were learnt, and so is of the right service, alive, and not to fail on purpose.
    "call_held:",
    "mov r13, [rbx + {entries}]",
    "cmp r13, [rdi + {object_entries}]",
    "jne call_restore",
    // Visits of the caller's domain start below what it uses of its stack, this one if the callee lives there too.
    part!("stack"),
    "mov r14, [rsp - {frame_bytes} + {frame_user_stack}]",
    "mov [r14 + {next}], r11",
    // The callee's stack: from where a visit starts, it is mapped as far down as the callee needs.
    "mov r12, [rbx + {callee_stacks}]",
    "add r12, gs:[{user_stacks}]",
    "mov r13, [r12 + {next}]",
    "cmp r13, [r12 + {enough}]",
    "jb 40f",
    lock_checked!("call_fast"),
    frame_made!("call_fast_resume"),
    "mov [rsp + {frame_next}], r13",
    "mov [rsp + {frame_user_stack}], r12",
    "call_enter:",
    "mov r14, [rbx + {callee_table}]",
    "mov [rsp + {frame_table}], r14",
    lock_taken!(),
    // Into the callee.
    part!("page table"),
    "mov rcx, [rbx + {root}]",
    "mov cr3, rcx",
    part!("callee entered"),
    "mov rcx, [rbx + {trampoline}]",
    "mov rdi, [rdi + {object_state}]",
    "mov eax, 7",
    restore_extended_by_eax!("rip + {initial}"),
    "mov rax, [rbx + {target}]",
    "lea rsp, [r13 - {gap}]",
    domain_entered!(),

    lock_not_free!("call_fast", "call_restore"),

    // No stack is large enough: the callee lives in the kernel, on whose stack it then runs, or its domain is to be entered
    // the long way.
    "40:",
    part!("stack"),
    "jmp [rbx + {otherwise}]",

    // Another object than last time: an entry of the table of objects, held by the caller.
    "call_other:",
    part!("reference check"),
    "lea r13, [rip + {objects}]",
    "mov r12, rdi",
    "sub r12, r13",
    "ror r12, {object_shift}",
    "cmp r12, {object_count}",
    "jae call_restore",
    "mov r13, [rbp + {counts}]",
    "cmp word ptr [r13 + r12 * 2], 0",
    "jne call_held",
    // It is not as simple as that. A call that has waited for the kernel's lock, and found that everything has changed, has it still.
    ".globl call_restore",
    "call_restore:",
    part!("the long way"),
    "mov rcx, gs:[{home}]",
    "cmp [rip + {holder}], rcx",
    "jne 60f",
    kernel_unlocked!(),
    "60:",
    "mov rcx, [rsp + {return_address}]",
    callers_registers_restored!(),
    "jmp call_slow",

    // A call of a server in the kernel.
    ".globl call_kernel",
    "call_kernel:",
    part!("stack"),
    "mov r12, gs:[{kernel_stack}]",
    "cmp r12, gs:[{stack_limit}]",
    "jb call_restore",
    lock_checked!("call_kernel"),
    frame_made!("call_kernel_resume"),
    lock_taken!(),
    kernel_called!("call_kernel_resume"),
    callee_left!("call_kernel", "call_kernel_resume", "call_kernel_odd", "", callers_lock_checked!("call_kernel")),
    frame_popped!(),
    to_caller!(),
    slow_ends!("call_kernel", "drop_object"),
    slow_wait!("call_kernel"),
    lock_not_free!("call_kernel", "call_restore"),

    // The same with more than values: the passage, and below it copies, lie on the kernel's stack. r13: the call's number, and
    // then the passage. r14: the passage.
    ".globl call_carrying_kernel",
    "call_carrying_kernel:",
    part!("copy"),
    passage_made!(),
    "mov rdi, rsp",
    "mov rsi, gs:[{stack_limit}]",
    "call {room_in_kernel}",
    "cmp rax, -1",
    "je 52f",
    "mov r14, rsp",
    "sub rsp, rax",
    words_made!("r14"),
    "mov rdi, r14",
    "mov rsi, rsp",
    "call {into_kernel}",
    "test al, al",
    "jz 51f",
    words_taken!(),
    lock_checked!("call_carrying_kernel"),
    kernel_unlocked!(),
    "mov r13, r14",
    "mov r12, rsp",
    "mov rsp, rbp",
    "mov r11, [rsp + {callers_stack}]",
    frame_made!("call_kernel_resume"),
    lock_taken!(),
    "mov rsp, r12",
    "mov rax, [rbx + {target}]",
    "mov rdi, [rdi + {object_state}]",
    "mov rcx, r10",
    "sti",
    "call rax",
    "cli",
    part!("copy"),
    "mov rdi, r13",
    "mov rsi, rax",
    "call {out_of_kernel}",
    "mov rdi, rax",
    "mov eax, -1",
    "mov rsp, gs:[{frame}]",
    "jmp call_kernel_end",
    lock_not_free!("call_carrying_kernel", "call_carried_in_vain"),

    // A call into a domain that carries more than values. r13: the call's number, and then where the visit starts. r14: the
    // passage.
    ".globl call_carrying",
    "call_carrying:",
    part!("copy"),
    "mov r12, [rbx + {carrying_stacks}]",
    "add r12, gs:[{user_stacks}]",
    passage_made!(),
    "mov r14, rsp",
    words_made!("r14"),
    "mov rdi, r14",
    "mov rsi, rsp",
    "mov rdx, r12",
    "mov rcx, [rbx + {callee}]",
    "call {into_domain}",
    "test rax, rax",
    "jz 51f",
    words_taken!(),
    lock_checked!("call_carrying"),
    kernel_unlocked!(),
    "mov r13, [r12 + {next}]",
    "mov gs:[{kernel_stack}], rsp",
    "mov rsp, rbp",
    "mov r11, [rsp + {callers_stack}]",
    frame_made!("call_carrying_resume"),
    "mov [rsp + {frame_next}], r13",
    "mov [rsp + {frame_user_stack}], r12",
    "mov r13, rax",
    "jmp call_enter",
    lock_not_free!("call_carrying", "call_carried_in_vain"),
    // Everything was carried, but the callee's lock is taken. r14: the passage.
    "call_carried_in_vain:",
    "mov rsp, r14",
    "call {carried_in_vain}",
    // It has to go the long way. r14: the passage, or rsp is. rbp: the frame. r13: the call's number.
    "51:",
    "mov rsp, r14",
    "52:",
    words_taken!(),
    kernel_unlocked!(),
    "mov rax, r13",
    "mov rsp, rbp",
    "mov r11, [rsp + {callers_stack}]",
    "jmp call_restore",

    // A domain returns from such a call. rdi: error, rdx: value. The frame becomes that of a call that carries nothing.
    "call_carrying_return:",
    "cmp qword ptr [rip + {cpus}], 1",
    "jne call_carrying_return_locks",
    "call_carrying_return_locked:",
    domain_left!(),
    part!("copy"),
    "mov rbp, rsp",
    "mov rsp, gs:[{kernel_stack}]",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
    "mov rsi, rdi",
    "mov rdi, rsp",
    "call {out_of_domain}",
    "mov rdi, rax",
    "mov rsp, rbp",
    kernel_unlocked!(),
    "51:",
    "add qword ptr gs:[{kernel_stack}], {passage_bytes}",
    "mov qword ptr [rsp - {frame_bytes} + {resume}], offset call_fast_resume",
    "mov eax, -1",
    "jmp call_fast_end",
    // There are several CPUs. What the frame says is read again when the lock is there.
    "call_carrying_return_locks:",
    "mov rsp, gs:[{kernel_stack}]",
    "push rdi",
    "push rdx",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
    "call {lock_kernel}",
    "pop rdx",
    "pop rdi",
    "mov rsp, gs:[{frame}]",
    "mov rcx, [rsp - {frame_bytes} + {resume}]",
    "shl rcx, 2",
    "sar rcx, 2",
    "cmp rcx, offset call_carrying_resume",
    "je call_carrying_return_locked",
    kernel_unlocked!(),
    "jmp call_fast_end",
    // Takes the kernel's lock for a call that carries something, and looks at everything again; if the lock is there already, goes on
    // at rcx. Registers as at `call_again`, but rbp. With the lock nothing but such a call goes on, or `call_restore`.
    "call_locks:",
    "mov r13, gs:[{home}]",
    "cmp [rip + {holder}], r13",
    "jne 59f",
    "jmp rcx",
    "59:",
    "mov rsp, gs:[{kernel_stack}]",
    "push rax",
    "push rdi",
    "push rsi",
    "push rdx",
    "push r10",
    "push r8",
    "push r9",
    "push r11",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
    "call {lock_kernel}",
    "pop r11",
    "pop r9",
    "pop r8",
    "pop r10",
    "pop rdx",
    "pop rsi",
    "pop rdi",
    "pop rax",
    "mov rsp, gs:[{frame}]",
    "jmp call_again",

    // `resume` of the frame: it was cut off, and nothing is carried back.
    ".globl call_carrying_resume",
    "call_carrying_resume:",
    "cli",
    "mov rdi, rax",
    "mov rsp, gs:[{frame}]",
    "jmp 51b",

    // An atomic one: the caller's lock stays taken.
    ".globl call_atomic",
    "call_atomic:",
    part!("stack"),
    "mov r12, gs:[{kernel_stack}]",
    "cmp r12, gs:[{stack_limit}]",
    "jb call_restore",
    callers_lock_written!("call_atomic"),
    lock_checked!("call_atomic"),
    frame_made!("call_atomic_resume"),
    lock_taken!(),
    kernel_called!("call_atomic_resume"),
    callee_left!("call_atomic", "call_atomic_resume", "call_atomic_odd", "", mark_checked!("call_atomic")),
    frame_popped!(),
    callers_lock_unwritten!(),
    to_caller!(),
    slow_ends!("call_atomic", "leave_object"),
    lock_not_free!("call_atomic", "call_kept_in_vain"),
    "call_kept_in_vain:",
    callers_lock_unwritten!(),
    "jmp call_restore",
    // The thread is marked: the callee's lock is let go of, if that was not done yet.
    "call_atomic_marked:",
    "cmp qword ptr [rsp - {frame_bytes} + {frame_lock}], offset {no_lock}",
    "je call_atomic_unmarked",
    "call_left_and_pushed",
    "call {release_callee}",
    "jmp call_atomic_again",

    // From the system call's entry: a domain returns. rdi: error, rdx: value. All bits of eax are set.
    ".balign 16",
    ".globl call_fast_return",
    "call_fast_return:",
    part!("entry"),
    "mov rsp, gs:[{frame}]",
    callee_left!("call_fast", "call_fast_resume", "call_fast_odd", domain_left!(), callers_lock_checked!("call_fast")),
    frame_popped!(),
    to_caller!(),
    slow_ends!("call_fast", "drop_object"),
    slow_wait!("call_fast"),

    // `resume` of the frame: the call was cut off. In the kernel, on its stack. rax: error, rdx: value.
    ".balign 16",
    ".globl call_fast_resume",
    "call_fast_resume:",
    "cli",
    "mov rdi, rax",
    "mov eax, -1",
    "mov rsp, gs:[{frame}]",
    "jmp call_fast_end",

    // The frame's `resume` bears the watchdog's mark, or its caller died, or it was made by a gate.
    "call_fast_odd:",
    "cmp qword ptr [rsp - {frame_bytes} + {gates_word}], 0",
    "jne call_slow_return",
    "mov rcx, [rsp - {frame_bytes} + {resume}]",
    "shl rcx, 2",
    "sar rcx, 2",
    "mov [rsp - {frame_bytes} + {resume}], rcx",
    "cmp rcx, offset call_carrying_resume",
    "je call_carrying_return",
    "cmp rcx, offset call_dead_carrying_resume",
    "je call_dead_carrying_resume",
    "cmp rcx, offset call_dead_resume",
    "je call_dead_resume",
    "jmp call_fast_end",
    kernel_odd!("call_kernel"),
    kernel_odd!("call_atomic"),

    // `resume` of a frame whose caller died.
    ".globl call_dead_carrying_resume",
    "call_dead_carrying_resume:",
    "cli",
    "add qword ptr gs:[{kernel_stack}], {passage_bytes}",
    ".globl call_dead_resume",
    "call_dead_resume:",
    "cli",
    "mov rsp, gs:[{kernel_stack}]",
    "call {end_dead}",
    "ud2",
    frame = const offset_of!(Cpu, frame),
    owner = const offset_of!(Cpu, owner),
    home = const offset_of!(Cpu, home),
    free = const offset_of!(Cpu, free),
    marked = const MARKED,
    no_lock = sym NO_LOCK,
    slow_drop = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, drop_temporaries),
    wait_for_callers = sym wait_for_callers,
    kernel_stack = const offset_of!(Block, kernel_stack),
    user_stacks = const offset_of!(Block, user_stacks),
    stack_limit = const offset_of!(Block, stack_limit),
    frame_bytes = const size_of::<Frame>(),
    frame_object = const offset_of!(Frame, object),
    frame_lock = const offset_of!(Frame, lock),
    gates_word = const word(0),
    callers_stack = const word(CALLERS_STACK),
    frame_next = const word(NEXT),
    frame_user_stack = const word(STACK),
    frame_table = const word(TABLE),
    return_address = const offset_of!(Frame, return_address),
    saved = const offset_of!(Frame, saved),
    resume = const offset_of!(Frame, resume),
    objects = sym OBJECT_TABLE,
    object_count = const OBJECTS,
    object_shift = const size_of::<Object>().trailing_zeros(),
    object_entries = const offset_of!(Object, entries),
    object_lock = const offset_of!(Object, lock),
    object_state = const offset_of!(Object, state),
    object_count_field = const offset_of!(Object, count),
    counts = const offset_of!(Table, counts),
    call_count = const offset_of!(Table, call_count),
    table_root = const offset_of!(Table, root),
    calls = const size_of::<Table>(),
    call_object = const offset_of!(Call, object),
    held = const offset_of!(Call, held),
    entries = const offset_of!(Call, entries),
    target = const offset_of!(Call, target),
    root = const offset_of!(Call, root),
    trampoline = const offset_of!(Call, trampoline),
    callee_table = const offset_of!(Call, table),
    callee_stacks = const offset_of!(Call, stacks),
    otherwise = const offset_of!(Call, otherwise),
    carrying_stacks = const offset_of!(Call, carrying_stacks),
    callee = const offset_of!(Call, callee),
    counts_output = const offset_of!(Call, counts),
    carriage = const offset_of!(Call, carriage),
    passage_bytes = const PASSAGE_BYTES,
    into_domain = sym carry::into_domain,
    out_of_domain = sym carry::out_of_domain,
    room_in_kernel = sym carry::room_in_kernel,
    into_kernel = sym carry::into_kernel,
    carried_in_vain = sym carry::carried_in_vain,
    out_of_kernel = sym carry::out_of_kernel,
    lock_kernel = sym lock_kernel,
    cpus = sym COUNT,
    holder = sym HOLDER,
    nobody = const NOBODY.cast_signed(),
    next = const offset_of!(UserStack, next),
    enough = const offset_of!(UserStack, enough),
    gap = const GAP,
    return_number = const RETURN.cast_signed(),
    gone = sym GONE,
    initial = sym INITIAL,
    mxcsr = sym DEFAULT_MXCSR,
    end_dead = sym end_dead,
    drop_object = sym drop_object,
    leave_object = sym leave_object,
    release_callee = sym release_callee,
);

/// An atomic call's count of its object is the last: the object stays on the engine's list until a destructor may
/// run, because the caller's lock is taken. From here on the call is one of the system's own object.
extern "C" fn leave_object(object: *mut Object) {
    interrupts::in_kernel(|| {
        disown();
        count_down::<Kernel>(object);
    });
}

/// A call's count of its object is the last: takes it away as the engine does. From here on the
/// call is one of the system's own object, so that it gives no count back twice if its callee dies meanwhile.
extern "C" fn drop_object(object: *mut Object) {
    interrupts::in_kernel(|| {
        disown();
        lock::unlock::<Kernel>();
        if count_down::<Kernel>(object) {
            interrupts::on(death::finish::<Kernel>);
        }
    });
}

/// Lets go of the lock of an atomic call's callee, which has returned.
extern "C" fn release_callee() {
    interrupts::in_kernel(|| {
        // SAFETY: interrupts are off, and the block is this CPU's.
        if lock::release(unsafe { &*block::engine() }) {
            threads::let_go();
        }
    });
}

/// Lets go of the callee's lock, and waits for the caller's once.
extern "C" fn wait_for_callers() {
    lock::wait_for_callers::<Kernel>();
}

/// Takes the kernel's lock for the fast path.
extern "C" fn lock_kernel() {
    kernel_lock::take(None);
}

/// Makes the newest frame's call one of the system's own object.
fn disown() {
    let own = natives::bottom();
    count_up(own);
    // SAFETY: the newest frame is the call's, and the running thread's.
    unsafe { (*newest_frame::<Kernel>()).object = own };
}

/// A call ends whose caller died meanwhile: the caller's own caller goes on instead.
extern "C" fn end_dead() -> ! {
    lock_kernel();
    lock::unlock::<Kernel>();
    let frame = newest_frame::<Kernel>();
    // SAFETY: the newest frame is the call's, and the running thread's.
    let Frame { object, platform, .. } = unsafe { &*frame };
    let object = *object;
    // SAFETY: a frame's object is valid while the frame is there.
    let callee = unsafe { instance_of(object) };
    if let Some(domain) = regions::domain_of(callee.base) {
        threads::with_running(|thread| thread.user_stacks.set_next(domain, platform[NEXT]));
    }
    disown();
    count_down::<Kernel>(object);
    interrupts::on(|| drop_temporaries::<Kernel>(first_temporary::<Kernel>(frame.wrapping_add(1))));
    count_down::<Kernel>(natives::bottom());
    // SAFETY: interrupts are off, and the block is this CPU's.
    unsafe { (*block::engine()).frame = frame };
    // The dead caller's frame is the newest now; it has no lock.
    super::leave_dead()
}
