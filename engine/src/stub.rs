//! Stubs: the code that a server's imports are bound to.
//!
//! A stub for a caller in the engine's space is a copy of one of eight templates with one number
//! patched in, the offset of the function among the callee's entries. A stub for a caller in a domain of
//! its own is a system call. Templates find everything through gs, so they run at any address.
//!
//! # What a template does
//!
//! It makes a [`Frame`] with what a fault in the callee needs to go on in the caller; compares the callee's lock and makes the frame the newest, which
//! takes that lock and lets go of the caller's; calls the entry; drops temporaries if there are any; compares the caller's
//! lock and takes the frame away, which is the same the other way; and returns with a `ret` that the processor predicts. No lock is
//! written. An atomic call keeps the caller's lock, and so writes that meanwhile.
//!
//! The return address stays on the stack, where the processor put it. A call that passes words there
//! ([`Shape::wide`]) moves it into the frame meanwhile, so that the callee finds them where the caller put them:
//! that is a load and a store in each direction, which most calls are spared. [`return_slot`] tells the two apart.
//!
//! # Interrupted between load, compare and the move of the frame
//!
//! See [`crate::layout::LockWord`]. [`restart`] is the whole remedy.
#![expect(unsafe_code, reason = "assembly, and addresses inside it")]

use alloc::vec::Vec;
use core::{
    ffi::c_void,
    mem::{offset_of, size_of},
};

use warren_abi::call::{REGISTER_WORDS, Ret, STACK_WORDS};

use crate::{
    layout::{Cpu, Frame, MARKED, Object},
    part, reference,
};

/// Functions that stubs call when the fast path does not apply. The platform sets them once.
///
/// They are called with the C ABI by assembly that has saved every argument and result.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SlowPaths {
    /// `fn() -> error`: makes the first free frame, which is filled in, the newest, with its callee's lock. For calls that let go of their
    /// caller's. If there is an error, it is not made the newest.
    pub enter: usize,
    /// `fn() -> error`: the same for an atomic call.
    pub enter_atomic: usize,
    /// `fn()`: lets go of the callee's lock, waits for the caller's, and makes the caller's frame the newest.
    pub come_back: usize,
    /// `fn()`: ends an atomic call: lets go of the callee's lock, and makes the caller's frame the newest.
    pub leave_atomic: usize,
    /// `fn()`: drops the temporaries of the newest frame.
    pub drop_temporaries: usize,
    /// `fn(error, word) -> Ret`: does the same, but makes the resulting reference the caller's.
    pub hand_over: usize,
    /// `fn() -> !`: a call has returned into a dead server; goes on in that server's caller.
    pub dead: usize,
}

/// Which template a call uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The caller's lock is kept.
    pub atomic: bool,
    /// The result is a reference.
    pub reference: bool,
    /// Words are passed on the stack.
    pub wide: bool,
}

/// A system call's number for the return from a callee: all bits are set.
pub const RETURN: u32 = u32::MAX;
/// Number of the first of [`warren_abi::system::FUNCTIONS`]: more than an instance has outgoing calls.
pub const FIRST_FUNCTION: u32 = 1 << 16;
/// Number of the instance's first outgoing call. The kernel uses such a number as an index.
pub const FIRST_CALL: u32 = 0;

/// What the C ABI wants a stack pointer to be a multiple of at a call. At the start of a function it is 8 less.
const STACK_ALIGNMENT: u64 = 16;

/// Bytes of one stub: every template fits.
pub const STUB_BYTES: usize = 448;

/// Assembles one template between two labels. `$width` says how ([`wide`] or [`narrow`]) the return address is kept,
/// `$take` makes the frame the newest, `$call` calls the entry, `$finish` drops temporaries, `$retake` takes the frame away.
macro_rules! template {
    ($name:literal, $width:ident, $take:expr, $call:literal, $finish:expr, $retake:expr) => {
        concat!(
            ".balign 16\n",
            ".globl ",
            $name,
            "\n",
            $name,
            ":\n",
            part!("frame"),
            "mov r11, gs:[{cpu_frame}]\n",
            $width!(enter),
            "mov [r11 + {stack}], rsp\n",
            "mov [r11 + {saved}], rbx\n",
            "mov [r11 + {saved} + 8], rbp\n",
            "mov [r11 + {saved} + 16], r12\n",
            "mov [r11 + {saved} + 24], r13\n",
            "mov [r11 + {saved} + 32], r14\n",
            "mov [r11 + {saved} + 40], r15\n",
            "lea rax, [rip + ",
            $name,
            "_resume]\n",
            "mov [r11 + {resume}], rax\n",
            "mov [r11 + {object}], rdi\n",
            $take,
            part!("callee called"),
            "mov rax, [rdi + {entries}]\n",
            "mov rdi, [rdi + {state}]\n",
            $width!(call $call),
            ".globl ",
            $name,
            "_resume\n",
            $name,
            "_resume:\n",
            $finish,
            $retake,
            part!("return to the caller"),
            $width!(leave),
            "ret\n",
        )
    };
}

/// Moves the return address into the frame: the callee finds words of the call on the stack.
macro_rules! wide {
    (enter) => {
        "pop qword ptr [r11 + {return_address}]\n"
    };
    (call $call:literal) => {
        $call
    };
    (leave) => {
        "push qword ptr [r11 - {frame_bytes} + {return_address}]\n"
    };
}

/// Leaves the return address where it is, and calls with the stack aligned as the C ABI wants it.
macro_rules! narrow {
    (enter) => {
        ""
    };
    (call $call:literal) => {
        concat!("sub rsp, 8\n", $call, "add rsp, 8\n")
    };
    (leave) => {
        ""
    };
}

/// Makes the new frame, in r11, the newest, if the callee's lock can be taken.
macro_rules! take {
    ($name:literal) => {
        concat!(
            part!("lock"),
            ".globl ",
            $name,
            "_take\n",
            $name,
            "_take:\n",
            take!(callees $name),
        )
    };
    (callees $name:literal) => {
        concat!(
            "mov rax, [rdi + {object_lock}]\n",
            "mov [r11 + {lock}], rax\n",
            "mov r10, gs:[{cpu_free}]\n",
            "cmp [rax], r10\n",
            "jne ",
            $name,
            "_not_free\n",
            $name,
            "_free:\n",
            part!("frame"),
            "add qword ptr gs:[{cpu_frame}], {frame_bytes}\n",
            ".globl ",
            $name,
            "_taken\n",
            $name,
            "_taken:\n",
        )
    };
}

/// The same for an atomic call: first it is written that the caller's lock is held.
macro_rules! take_atomic {
    ($name:literal) => {
        concat!(
            part!("lock"),
            ".globl ",
            $name,
            "_take\n",
            $name,
            "_take:\n",
            "mov rax, [r11 - {frame_bytes} + {lock}]\n",
            "cmp rax, gs:[{cpu_no_lock}]\n",
            "je ",
            $name,
            "_kept\n",
            "mov [rax], r11\n",
            $name,
            "_kept:\n",
            take!(callees $name),
        )
    };
}

/// Takes the newest frame away, if the caller's lock can be taken back. r11 is the first free frame.
macro_rules! retake {
    ($name:literal) => {
        concat!(
            part!("lock"),
            ".globl ",
            $name,
            "_retake\n",
            $name,
            "_retake:\n",
            "mov rcx, [r11 - 2 * {frame_bytes} + {lock}]\n",
            "mov r10, gs:[{cpu_free}]\n",
            "cmp [rcx], r10\n",
            "jne ",
            $name,
            "_not_free_back\n",
            $name,
            "_free_back:\n",
            part!("frame"),
            "sub qword ptr gs:[{cpu_frame}], {frame_bytes}\n",
            ".globl ",
            $name,
            "_retaken\n",
            $name,
            "_retaken:\n",
        )
    };
}

/// Takes the newest frame, of an atomic call, away, and lets the caller's lock read as free again.
macro_rules! retake_atomic {
    ($name:literal) => {
        concat!(
            part!("lock"),
            ".globl ",
            $name,
            "_retake\n",
            $name,
            "_retake:\n",
            "cmp qword ptr gs:[{cpu_free}], {marked}\n",
            "je ",
            $name,
            "_marked\n",
            part!("frame"),
            "sub qword ptr gs:[{cpu_frame}], {frame_bytes}\n",
            ".globl ",
            $name,
            "_retaken\n",
            $name,
            "_retaken:\n",
            part!("lock"),
            "mov rcx, [r11 - 2 * {frame_bytes} + {lock}]\n",
            "cmp rcx, gs:[{cpu_no_lock}]\n",
            "je ",
            $name,
            "_left\n",
            ".globl ",
            $name,
            "_unwrite\n",
            $name,
            "_unwrite:\n",
            "mov r10, gs:[{cpu_home}]\n",
            "mov [rcx], r10\n",
            ".globl ",
            $name,
            "_left\n",
            $name,
            "_left:\n",
        )
    };
}

/// Drops temporaries if there are any.
macro_rules! drop_temporaries {
    ($name:literal) => {
        concat!(
            part!("reference check"),
            "mov r11, gs:[{cpu_frame}]\n",
            "cmp r11, gs:[{cpu_owner}]\n",
            "je ",
            $name,
            "_drop\n",
            $name,
            "_dropped:\n",
        )
    };
}

/// Drops temporaries and makes the result the caller's.
macro_rules! hand_over {
    () => {
        concat!(
            "mov rbx, rsp\n",
            "and rsp, -16\n",
            "mov rdi, rax\n",
            "mov rsi, rdx\n",
            "call gs:[{slow_hand_over}]\n",
            "mov rsp, rbx\n",
            "mov r11, gs:[{cpu_frame}]\n",
            "mov rbx, [r11 - {frame_bytes} + {saved}]\n",
        )
    };
}

/// The ways off the fast path, placed behind the template's `ret`. A callee that has no lock is entered nevertheless, unless the thread is
/// marked; a call that is refused ends as if its frame had been taken away.
macro_rules! slow {
    ($name:literal, $enter:literal) => {
        concat!(
            ".globl ",
            $name,
            "_not_free\n",
            $name,
            "_not_free:\n",
            "cmp r10, {marked}\n",
            "je ",
            $name,
            "_enter\n",
            "cmp rax, gs:[{cpu_no_lock}]\n",
            "je ",
            $name,
            "_free\n",
            ".globl ",
            $name,
            "_enter\n",
            $name,
            "_enter:\n",
            "push rdi\n",
            "push rsi\n",
            "push rdx\n",
            "push rcx\n",
            "push r8\n",
            "push r9\n",
            "mov rbx, rsp\n",
            "and rsp, -16\n",
            "call gs:[",
            $enter,
            "]\n",
            "mov rsp, rbx\n",
            "pop r9\n",
            "pop r8\n",
            "pop rcx\n",
            "pop rdx\n",
            "pop rsi\n",
            "pop rdi\n",
            "mov r11, gs:[{cpu_frame}]\n",
            "test rax, rax\n",
            "jnz ",
            $name,
            "_refused\n",
            "mov rbx, [r11 - {frame_bytes} + {saved}]\n",
            "jmp ",
            $name,
            "_taken\n",
            $name,
            "_refused:\n",
            "mov rbx, [r11 + {saved}]\n",
            "add r11, {frame_bytes}\n",
            "jmp ",
            $name,
            "_retaken\n",
        )
    };
}

/// The way off the fast path when the caller's lock cannot be taken back at once.
macro_rules! slow_back {
    ($name:literal) => {
        concat!(
            ".globl ",
            $name,
            "_not_free_back\n",
            $name,
            "_not_free_back:\n",
            "cmp r10, {marked}\n",
            "je ",
            $name,
            "_come_back\n",
            "cmp rcx, gs:[{cpu_no_lock}]\n",
            "je ",
            $name,
            "_free_back\n",
            ".globl ",
            $name,
            "_come_back\n",
            $name,
            "_come_back:\n",
            leave_by!("{slow_come_back}"),
            "jmp ",
            $name,
            "_retaken\n",
        )
    };
}

/// The way off the fast path at the end of an atomic call of a marked thread.
macro_rules! slow_leave {
    ($name:literal) => {
        concat!($name, "_marked:\n", leave_by!("{slow_leave_atomic}"), "jmp ", $name, "_left\n",)
    };
}

/// Calls a function of the engine at the end of a call. r11 is the first free frame before it.
macro_rules! leave_by {
    ($function:literal) => {
        concat!(
            "push rax\n",
            "push rdx\n",
            "push rbx\n",
            "push r11\n",
            "mov rbx, rsp\n",
            "and rsp, -16\n",
            "call gs:[",
            $function,
            "]\n",
            "mov rsp, rbx\n",
            "pop r11\n",
            "pop rbx\n",
            "pop rdx\n",
            "pop rax\n",
        )
    };
}

/// The way off the fast path when there are temporaries.
macro_rules! slow_drop {
    ($name:literal) => {
        concat!(
            $name,
            "_drop:\n",
            "push rax\n",
            "push rdx\n",
            "mov rbx, rsp\n",
            "and rsp, -16\n",
            "call gs:[{slow_drop}]\n",
            "mov rsp, rbx\n",
            "pop rdx\n",
            "pop rax\n",
            "mov r11, gs:[{cpu_frame}]\n",
            "mov rbx, [r11 - {frame_bytes} + {saved}]\n",
            "jmp ",
            $name,
            "_dropped\n",
        )
    };
}

/// A whole stub for calls that release their caller's lock: a template and its ways off the fast path.
macro_rules! ordinary {
    ($name:literal, $width:ident, value, $call:literal) => {
        concat!(
            template!(
                $name,
                $width,
                take!($name),
                $call,
                drop_temporaries!($name),
                retake!($name)
            ),
            ordinary!(slow $name),
            slow_drop!($name),
        )
    };
    ($name:literal, $width:ident, reference, $call:literal) => {
        concat!(
            template!($name, $width, take!($name), $call, hand_over!(), retake!($name)),
            ordinary!(slow $name),
        )
    };
    (slow $name:literal) => {
        concat!(slow!($name, "{slow_enter}"), slow_back!($name))
    };
}

/// The same for calls that keep it.
macro_rules! atomic {
    ($name:literal, $width:ident, value, $call:literal) => {
        concat!(
            template!(
                $name,
                $width,
                take_atomic!($name),
                $call,
                drop_temporaries!($name),
                retake_atomic!($name)
            ),
            atomic!(slow $name),
            slow_drop!($name),
        )
    };
    ($name:literal, $width:ident, reference, $call:literal) => {
        concat!(
            template!(
                $name,
                $width,
                take_atomic!($name),
                $call,
                hand_over!(),
                retake_atomic!($name)
            ),
            atomic!(slow $name),
        )
    };
    (slow $name:literal) => {
        concat!(slow!($name, "{slow_enter_atomic}"), slow_leave!($name))
    };
}

/// A stub that is copied: its entry's offset is a number to be replaced, and a label marks its end.
macro_rules! copied {
    ($kind:ident $name:literal $width:ident $result:ident) => {
        concat!(
            $kind!($name, $width, $result, "call [rax + 0x7fffff00]\n"),
            ".globl ",
            $name,
            "_end\n",
            $name,
            "_end:\n",
        )
    };
}

core::arch::global_asm!(
    copied!(ordinary "warren_call" narrow value),
    copied!(ordinary "warren_call_reference" narrow reference),
    copied!(atomic "warren_call_atomic" narrow value),
    copied!(atomic "warren_call_atomic_reference" narrow reference),
    copied!(ordinary "warren_call_wide" wide value),
    copied!(ordinary "warren_call_wide_reference" wide reference),
    copied!(atomic "warren_call_wide_atomic" wide value),
    copied!(atomic "warren_call_wide_atomic_reference" wide reference),
    // The engine's own calls: the entry's offset in rbx, the result never handed over. They always pass words on the stack.
    ordinary!("warren_call_engine", wide, value, "call [rax + rbx]\n"),
    ordinary!("warren_call_engine_reference", wide, reference, "call [rax + rbx]\n"),
    atomic!("warren_call_engine_atomic", wide, value, "call [rax + rbx]\n"),
    atomic!("warren_call_engine_atomic_reference", wide, reference, "call [rax + rbx]\n"),
    // fn(object rdi, offset rsi, words rdx, template rcx) -> Ret: called from Rust, C ABI.
    ".globl warren_invoke\nwarren_invoke:\n",
    "push rbp\nmov rbp, rsp\npush rbx\npush r12\n",
    "mov rbx, rsi\nmov r12, rcx\n",
    "push [rdx + 96]\npush [rdx + 88]\npush [rdx + 80]\npush [rdx + 72]\n",
    "push [rdx + 64]\npush [rdx + 56]\npush [rdx + 48]\npush [rdx + 40]\n",
    "mov rsi, [rdx]\nmov rcx, [rdx + 16]\nmov r8, [rdx + 24]\nmov r9, [rdx + 32]\nmov rdx, [rdx + 8]\n",
    "call r12\n",
    "lea rsp, [rbp - 16]\npop r12\npop rbx\npop rbp\nret\n",
    // fn(frame rdi, error rsi) -> !: goes on in the frame's `resume`.
    ".globl warren_leave\nwarren_leave:\n",
    "mov rsp, [rdi + {stack}]\n",
    "mov rbx, [rdi + {saved}]\n",
    "mov rbp, [rdi + {saved} + 8]\n",
    "mov r12, [rdi + {saved} + 16]\n",
    "mov r13, [rdi + {saved} + 24]\n",
    "mov r14, [rdi + {saved} + 32]\n",
    "mov r15, [rdi + {saved} + 40]\n",
    "mov rcx, [rdi + {resume}]\nshl rcx, 2\nsar rcx, 2\n",
    "mov rax, rsi\nxor edx, edx\ncld\n",
    "jmp rcx\n",
    // The return address of calls that would return into a dead server.
    ".globl warren_dead_return\nwarren_dead_return:\n",
    "and rsp, -16\ncall gs:[{slow_dead}]\nud2\n",
    cpu_frame = const offset_of!(Cpu, frame),
    cpu_owner = const offset_of!(Cpu, owner),
    cpu_no_lock = const offset_of!(Cpu, no_lock),
    cpu_home = const offset_of!(Cpu, home),
    cpu_free = const offset_of!(Cpu, free),
    slow_enter = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, enter),
    slow_enter_atomic = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, enter_atomic),
    slow_come_back = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, come_back),
    slow_leave_atomic = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, leave_atomic),
    slow_drop = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, drop_temporaries),
    slow_hand_over = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, hand_over),
    slow_dead = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, dead),
    return_address = const offset_of!(Frame, return_address),
    stack = const offset_of!(Frame, stack),
    saved = const offset_of!(Frame, saved),
    resume = const offset_of!(Frame, resume),
    lock = const offset_of!(Frame, lock),
    object = const offset_of!(Frame, object),
    frame_bytes = const size_of::<Frame>(),
    entries = const offset_of!(Object, entries),
    state = const offset_of!(Object, state),
    object_lock = const offset_of!(Object, lock),
    marked = const MARKED,
);

/// A label in assembly.
type Label = unsafe extern "C" fn();

/// Addresses inside a template.
struct Labels {
    start: Label,
    /// What is executed in one piece: where it begins, and behind it; and where it begins again.
    pieces: [([Label; 2], Label); 4],
    /// End of a template that is copied.
    end: Option<Label>,
}

/// Declares the labels of templates: how a template begins, makes the frame the newest, finds a lock that is not free, and takes the frame away; and what
/// follows that in an atomic call, or how an ordinary one finds its caller's lock not free.
macro_rules! labels {
    ($($name:ident: $start:ident [$take:ident $taken:ident] [$not_free:ident $enter:ident]
        [$retake:ident $retaken:ident] [$last:ident $behind:ident] $kind:ident $(end $end:ident)?;)*) => {
        unsafe extern "C" {
            $(
                fn $start();
                fn $take();
                fn $taken();
                fn $not_free();
                fn $enter();
                fn $retake();
                fn $retaken();
                fn $last();
                fn $behind();
                $(fn $end();)?
            )*
        }
        $(
            const $name: Labels = Labels {
                start: $start,
                pieces: [
                    ([$take, $taken], $take),
                    ([$not_free, $enter], $take),
                    ([$retake, $retaken], $retake),
                    ([$last, $behind], labels!($kind $retake $last)),
                ],
                end: labels!(option $($end)?),
            };
        )*
    };
    (ordinary $retake:ident $last:ident) => { $retake };
    (atomic $retake:ident $last:ident) => { $last };
    (option) => { None };
    (option $value:expr) => { Some($value) };
}

labels! {
    CALL: warren_call [warren_call_take warren_call_taken] [warren_call_not_free warren_call_enter]
        [warren_call_retake warren_call_retaken] [warren_call_not_free_back warren_call_come_back] ordinary
        end warren_call_end;
    REFERENCE: warren_call_reference [warren_call_reference_take warren_call_reference_taken] [warren_call_reference_not_free warren_call_reference_enter]
        [warren_call_reference_retake warren_call_reference_retaken] [warren_call_reference_not_free_back warren_call_reference_come_back] ordinary
        end warren_call_reference_end;
    ATOMIC: warren_call_atomic [warren_call_atomic_take warren_call_atomic_taken] [warren_call_atomic_not_free warren_call_atomic_enter]
        [warren_call_atomic_retake warren_call_atomic_retaken] [warren_call_atomic_unwrite warren_call_atomic_left] atomic
        end warren_call_atomic_end;
    ATOMIC_REFERENCE: warren_call_atomic_reference [warren_call_atomic_reference_take warren_call_atomic_reference_taken] [warren_call_atomic_reference_not_free warren_call_atomic_reference_enter]
        [warren_call_atomic_reference_retake warren_call_atomic_reference_retaken] [warren_call_atomic_reference_unwrite warren_call_atomic_reference_left] atomic
        end warren_call_atomic_reference_end;
    WIDE: warren_call_wide [warren_call_wide_take warren_call_wide_taken] [warren_call_wide_not_free warren_call_wide_enter]
        [warren_call_wide_retake warren_call_wide_retaken] [warren_call_wide_not_free_back warren_call_wide_come_back] ordinary
        end warren_call_wide_end;
    WIDE_REFERENCE: warren_call_wide_reference [warren_call_wide_reference_take warren_call_wide_reference_taken] [warren_call_wide_reference_not_free warren_call_wide_reference_enter]
        [warren_call_wide_reference_retake warren_call_wide_reference_retaken] [warren_call_wide_reference_not_free_back warren_call_wide_reference_come_back] ordinary
        end warren_call_wide_reference_end;
    WIDE_ATOMIC: warren_call_wide_atomic [warren_call_wide_atomic_take warren_call_wide_atomic_taken] [warren_call_wide_atomic_not_free warren_call_wide_atomic_enter]
        [warren_call_wide_atomic_retake warren_call_wide_atomic_retaken] [warren_call_wide_atomic_unwrite warren_call_wide_atomic_left] atomic
        end warren_call_wide_atomic_end;
    WIDE_ATOMIC_REFERENCE: warren_call_wide_atomic_reference [warren_call_wide_atomic_reference_take warren_call_wide_atomic_reference_taken] [warren_call_wide_atomic_reference_not_free warren_call_wide_atomic_reference_enter]
        [warren_call_wide_atomic_reference_retake warren_call_wide_atomic_reference_retaken] [warren_call_wide_atomic_reference_unwrite warren_call_wide_atomic_reference_left] atomic
        end warren_call_wide_atomic_reference_end;
    ENGINE: warren_call_engine [warren_call_engine_take warren_call_engine_taken] [warren_call_engine_not_free warren_call_engine_enter]
        [warren_call_engine_retake warren_call_engine_retaken] [warren_call_engine_not_free_back warren_call_engine_come_back] ordinary;
    ENGINE_REFERENCE: warren_call_engine_reference [warren_call_engine_reference_take warren_call_engine_reference_taken] [warren_call_engine_reference_not_free warren_call_engine_reference_enter]
        [warren_call_engine_reference_retake warren_call_engine_reference_retaken] [warren_call_engine_reference_not_free_back warren_call_engine_reference_come_back] ordinary;
    ENGINE_ATOMIC: warren_call_engine_atomic [warren_call_engine_atomic_take warren_call_engine_atomic_taken] [warren_call_engine_atomic_not_free warren_call_engine_atomic_enter]
        [warren_call_engine_atomic_retake warren_call_engine_atomic_retaken] [warren_call_engine_atomic_unwrite warren_call_engine_atomic_left] atomic;
    ENGINE_ATOMIC_REFERENCE: warren_call_engine_atomic_reference [warren_call_engine_atomic_reference_take warren_call_engine_atomic_reference_taken] [warren_call_engine_atomic_reference_not_free warren_call_engine_atomic_reference_enter]
        [warren_call_engine_atomic_reference_retake warren_call_engine_atomic_reference_retaken] [warren_call_engine_atomic_reference_unwrite warren_call_engine_atomic_reference_left] atomic;
}

/// The templates that [`invoke`] calls.
const OWN: [Labels; 4] = [ENGINE, ENGINE_REFERENCE, ENGINE_ATOMIC, ENGINE_ATOMIC_REFERENCE];

unsafe extern "C" {
    fn warren_invoke(object: *mut c_void, offset: usize, words: *const u64, template: usize)
    -> Ret;
    fn warren_dead_return();
    fn warren_leave(frame: *const c_void, error: u64) -> !;
}

/// Address of a label.
fn address(label: Label) -> u64 {
    label as *const () as u64
}

impl Labels {
    /// Where control goes on that was interrupted at an address, because it may do that on another CPU, or others may look at its locks.
    fn restart(&self, at: u64) -> u64 {
        let mut pieces = self.pieces.iter();
        let piece =
            pieces.find(|([first, behind], _)| (address(*first)..address(*behind)).contains(&at));
        piece.map_or(at, |(_, begin)| address(*begin))
    }
}

/// The template of a stub.
fn labels(shape: Shape) -> Labels {
    match (shape.wide, shape.atomic, shape.reference) {
        (false, false, false) => CALL,
        (false, false, true) => REFERENCE,
        (false, true, false) => ATOMIC,
        (false, true, true) => ATOMIC_REFERENCE,
        (true, false, false) => WIDE,
        (true, false, true) => WIDE_REFERENCE,
        (true, true, false) => WIDE_ATOMIC,
        (true, true, true) => WIDE_ATOMIC_REFERENCE,
    }
}

/// The words of a call after the reference: registers first, then the stack.
pub type Words = [u64; REGISTER_WORDS + STACK_WORDS];

/// Calls entry `index` of an object on behalf of the code that runs, as a stub would. All words are passed, whether the
/// shape is wide or not.
///
/// # Safety
///
/// `object` is an object that is held until the call returns; the words are what entry `index` expects,
/// and buffers among them are memory that the callee may use. gs points to a [`Cpu`] whose thread is
/// set up, and preemption is allowed. No borrow of engine tables is alive.
pub unsafe fn invoke(object: *mut Object, index: usize, words: &Words, shape: Shape) -> Ret {
    let template = match (shape.atomic, shape.reference) {
        (false, false) => ENGINE,
        (false, true) => ENGINE_REFERENCE,
        (true, false) => ENGINE_ATOMIC,
        (true, true) => ENGINE_ATOMIC_REFERENCE,
    };
    // SAFETY: the caller's promises are those of the assembly.
    unsafe {
        warren_invoke(
            object.cast(),
            index * size_of::<usize>(),
            words.as_ptr(),
            address(template.start) as usize,
        )
    }
}

/// Goes on in the caller of `frame` with an error, from wherever the thread is.
///
/// # Safety
///
/// `frame` is the newest frame of the running thread, it has no lock, and the platform
/// has restored what lies in `frame.platform`. Nothing on the stack above the frame is needed any more.
pub unsafe fn leave(frame: *const Frame, error: u64) -> ! {
    // SAFETY: as promised by the caller.
    unsafe { warren_leave(frame.cast(), error) }
}

/// A template as bytes, and where the entry's offset stands in it.
fn template(shape: Shape) -> (&'static [u8], usize) {
    let Labels { start, end, .. } = labels(shape);
    let end = end.expect("templates of stubs are copied");
    let length = (address(end) - address(start)) as usize;
    // SAFETY: both labels bound one piece of this program's text, which never changes.
    let code = unsafe { core::slice::from_raw_parts(start as *const u8, length) };
    let marker = code.windows(4).position(|bytes| bytes == 0x7fff_ff00_u32.to_le_bytes());
    (code, marker.expect("the template calls an entry"))
}

/// The stub for a call from the engine's own space: position-independent, [`STUB_BYTES`] long.
pub fn call_stub(index: u16, shape: Shape) -> Vec<u8> {
    let (template, marker) = template(shape);
    let mut code = template.to_vec();
    let offset = u32::from(index) * size_of::<usize>() as u32;
    code[marker..marker + 4].copy_from_slice(&offset.to_le_bytes());
    assert!(code.len() <= STUB_BYTES, "a template outgrew its cell");
    code.resize(STUB_BYTES, 0xcc);
    code
}

/// The stub for an import of an instance in a domain of its own: a system call with this number.
///
/// The kernel keeps the callee-saved registers.
pub fn system_call_stub(number: u32) -> Vec<u8> {
    let mut code = Vec::with_capacity(16);
    code.extend([0x49, 0x89, 0xca]); // mov r10, rcx
    code.push(0xb8); // mov eax, number
    code.extend(number.to_le_bytes());
    code.extend([0x0f, 0x05]); // syscall
    code.push(0xc3); // ret
    code
}

/// Stack words of a call lie this far above the stack pointer at the system call: behind the return address.
pub const SYSTEM_CALL_STACK: u64 = 8;

/// Where generated code is interrupted in the middle of taking a lock, or of letting go of one, it has to begin that again.
///
/// Returns the address at which to go on. `offset` is the offset of `rip` inside its stub and `shape` the
/// stub's, or `None` if `rip` may lie in the engine's own templates.
pub fn restart(rip: u64, stub: Option<(u64, Shape)>) -> u64 {
    let Some((offset, shape)) = stub else {
        return OWN.iter().map(|own| own.restart(rip)).find(|at| *at != rip).unwrap_or(rip);
    };
    let template = labels(shape);
    // Where the thread would be in the template that the stub is a copy of.
    let at = address(template.start) + offset;
    rip.wrapping_add(template.restart(at).wrapping_sub(at))
}

/// Where the return address of a call lies. Only that of a caller in the engine's space can lie on the stack: there
/// [`Frame::stack`] then points to it, and is no multiple of 16.
///
/// # Safety
///
/// The frame is in use, and not the bottom frame of its thread.
pub unsafe fn return_slot(frame: *mut Frame) -> *mut u64 {
    // SAFETY: the frame below is in use, too, and its callee is the caller.
    let caller = unsafe { (*frame.wrapping_sub(1)).object };
    // SAFETY: a frame's object is valid while the frame is there.
    let caller = unsafe { reference::instance_of(caller) };
    // SAFETY: the frame is in use.
    let frame = unsafe { &mut *frame };
    match caller.shares_space() && !frame.stack.is_multiple_of(STACK_ALIGNMENT) {
        true => frame.stack as *mut u64,
        false => &raw mut frame.return_address,
    }
}

/// The return address of calls that would return into a dead server of the engine's space.
pub fn dead_return() -> u64 {
    warren_dead_return as *const () as u64
}
