//! Stubs: the code that a server's imports are bound to.
//!
//! A stub for a caller in the engine's space is a copy of one of eight templates with one number
//! patched in, the offset of the function among the callee's entries. A stub for a caller in a domain of
//! its own is a system call. Templates find everything through gs, so they run at any address.
//!
//! # What a template does
//!
//! It makes a [`Frame`] with what a fault in the callee needs to go on in the caller; frees the caller's lock,
//! takes the callee's, calls the entry, frees the callee's, drops temporaries if there are any, takes the caller's
//! lock, and returns with a `ret` that the processor predicts. An atomic call keeps the caller's lock and so differs.
//!
//! The return address stays on the stack, where the processor put it. A call that passes words there
//! ([`Shape::wide`]) moves it into the frame meanwhile, so that the callee finds them where the caller put them:
//! that is a load and a store in each direction, which most calls are spared. [`return_slot`] tells the two apart.
//!
//! # Interrupted between load, compare and store
//!
//! See [`crate::layout::LockWord`]. [`restart`] is the whole remedy.
#![expect(unsafe_code, reason = "assembly, and addresses inside it")]

use alloc::vec::Vec;
use core::{
    ffi::c_void,
    mem::{offset_of, size_of},
    ops::Range,
};

use warren_abi::call::{REGISTER_WORDS, Ret, STACK_WORDS};

use crate::{
    layout::{Cpu, Frame, NEVER_FREE, Object},
    part, reference,
};

/// Functions that stubs call when the fast path does not apply. The platform sets them once.
///
/// They are called with the C ABI by assembly that has saved every argument and result.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SlowPaths {
    /// `fn(lock)`: waits until the lock looks free. For calls that hold no other lock.
    pub wait: usize,
    /// `fn(lock) -> error`: the same for an atomic call; `Reentered` if the holder is this thread.
    pub wait_atomic: usize,
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
/// `$take` takes the callee's lock, `$call` calls the entry, `$finish` frees the callee's lock and drops temporaries,
/// `$retake` takes the caller's lock back.
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
            part!("frame"),
            "mov r11, gs:[{cpu_frame}]\n",
            $finish,
            part!("frame"),
            "sub qword ptr gs:[{cpu_frame}], {frame_bytes}\n",
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

/// Loads the value of a free lock, for whoever takes or frees one.
macro_rules! free_value {
    () => {
        "mov r10, gs:[{cpu_free}]\n"
    };
}

/// Frees the caller's lock, publishes the frame, takes the callee's lock.
macro_rules! take {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "mov rax, [r11 - {frame_bytes} + {lock}]\n",
            free_value!(),
            "mov [rax], r10\n",
            "add qword ptr gs:[{cpu_frame}], {frame_bytes}\n",
            take_callees!($name),
        )
    };
}

/// Publishes the frame and takes the callee's lock.
macro_rules! take_atomic {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "add qword ptr gs:[{cpu_frame}], {frame_bytes}\n",
            take_callees!($name),
        )
    };
}

/// Takes the callee's lock for the new frame, in r11, whose address is what the lock's word becomes.
macro_rules! take_callees {
    ($name:literal) => {
        concat!(
            $name,
            "_retry:\n",
            "mov rax, [rdi + {object_lock}]\n",
            "mov [r11 + {lock}], rax\n",
            ".globl ",
            $name,
            "_take\n",
            $name,
            "_take:\n",
            free_value!(),
            "cmp [rax], r10\n",
            "jne ",
            $name,
            "_wait\n",
            "mov [rax], r11\n",
            ".globl ",
            $name,
            "_taken\n",
            $name,
            "_taken:\n",
        )
    };
}

/// Takes the caller's lock back. r11 is the first free frame.
macro_rules! retake {
    ($name:literal) => {
        concat!(
            part!("lock"),
            $name,
            "_back:\n",
            "mov rcx, [r11 - 2 * {frame_bytes} + {lock}]\n",
            ".globl ",
            $name,
            "_retake\n",
            $name,
            "_retake:\n",
            free_value!(),
            "cmp [rcx], r10\n",
            "jne ",
            $name,
            "_wait_back\n",
            "mov [rcx], r11\n",
            ".globl ",
            $name,
            "_retaken\n",
            $name,
            "_retaken:\n",
        )
    };
}

/// Frees the callee's lock of a call that released the caller's.
macro_rules! free {
    () => {
        concat!(
            part!("lock"),
            "mov rcx, [r11 - {frame_bytes} + {lock}]\n",
            free_value!(),
            "mov [rcx], r10\n",
        )
    };
}

/// Frees the callee's lock of an atomic call, if it is not the caller's.
macro_rules! free_atomic {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "mov rcx, [r11 - {frame_bytes} + {lock}]\n",
            "cmp rcx, [r11 - 2 * {frame_bytes} + {lock}]\n",
            "je ",
            $name,
            "_same\n",
            free_value!(),
            "mov [rcx], r10\n",
            $name,
            "_same:\n",
        )
    };
}

/// Drops temporaries if there are any.
macro_rules! drop_temporaries {
    ($name:literal) => {
        concat!(
            part!("reference check"),
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

/// The ways off the fast path, placed behind the template's `ret`. A callee that has no lock gets the thread's own, which the
/// thread may hold already: it must not find its caller's, which it could free.
macro_rules! slow {
    ($name:literal, $wait:literal) => {
        concat!(
            $name,
            "_wait:\n",
            "cmp qword ptr [rax], {never_free}\n",
            "jne ",
            $name,
            "_taken_by_others\n",
            "mov rax, gs:[{cpu_idle_lock}]\n",
            "mov [r11 + {lock}], rax\n",
            "jmp ",
            $name,
            "_taken\n",
            $name,
            "_taken_by_others:\n",
            "push rdi\n",
            "push rsi\n",
            "push rdx\n",
            "push rcx\n",
            "push r8\n",
            "push r9\n",
            "mov rbx, rsp\n",
            "and rsp, -16\n",
            "mov rdi, rax\n",
            "call gs:[",
            $wait,
            "]\n",
            "mov rsp, rbx\n",
            "mov r11, gs:[{cpu_frame}]\n",
            "sub r11, {frame_bytes}\n",
            "mov rbx, [r11 + {saved}]\n",
            "pop r9\n",
            "pop r8\n",
            "pop rcx\n",
            "pop rdx\n",
            "pop rsi\n",
            "pop rdi\n",
        )
    };
}

/// Where an atomic call goes on that waited for its callee's lock: back, or, if it was refused, to its end, as if the callee
/// had its caller's lock.
macro_rules! waited_atomic {
    ($name:literal) => {
        concat!(
            "test rax, rax\n",
            "jz ",
            $name,
            "_retry\n",
            "mov r10, [r11 - {frame_bytes} + {lock}]\n",
            "mov [r11 + {lock}], r10\n",
            "jmp ",
            $name,
            "_resume\n",
        )
    };
}

/// The way off the fast path when the caller's lock is taken.
macro_rules! slow_back {
    ($name:literal) => {
        concat!(
            $name,
            "_wait_back:\n",
            "push rax\n",
            "push rdx\n",
            "push rbx\n",
            "push r11\n",
            "mov rbx, rsp\n",
            "and rsp, -16\n",
            "mov rdi, rcx\n",
            "call gs:[{slow_wait}]\n",
            "mov rsp, rbx\n",
            "pop r11\n",
            "pop rbx\n",
            "pop rdx\n",
            "pop rax\n",
            "jmp ",
            $name,
            "_back\n",
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
                concat!(free!(), drop_temporaries!($name)),
                retake!($name)
            ),
            ordinary!(slow $name),
            slow_drop!($name),
        )
    };
    ($name:literal, $width:ident, reference, $call:literal) => {
        concat!(
            template!($name, $width, take!($name), $call, concat!(free!(), hand_over!()), retake!($name)),
            ordinary!(slow $name),
        )
    };
    (slow $name:literal) => {
        concat!(slow!($name, "{slow_wait}"), "jmp ", $name, "_retry\n", slow_back!($name))
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
                concat!(free_atomic!($name), drop_temporaries!($name)),
                ""
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
                concat!(free_atomic!($name), hand_over!()),
                ""
            ),
            atomic!(slow $name),
        )
    };
    (slow $name:literal) => {
        concat!(slow!($name, "{slow_wait_atomic}"), waited_atomic!($name))
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
    cpu_idle_lock = const offset_of!(Cpu, idle_lock),
    cpu_free = const offset_of!(Cpu, free),
    slow_wait = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, wait),
    slow_wait_atomic = const offset_of!(Cpu, slow) + offset_of!(SlowPaths, wait_atomic),
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
    never_free = const NEVER_FREE.cast_signed(),
);

/// A label in assembly.
type Label = unsafe extern "C" fn();

/// Addresses inside a template.
struct Labels {
    start: Label,
    /// The load of what the callee's lock is when it is free here, and behind the store that takes it.
    take: [Label; 2],
    /// The same for the caller's lock, if it was released.
    retake: Option<[Label; 2]>,
    /// End of a template that is copied.
    end: Option<Label>,
}

/// Declares the labels of templates.
macro_rules! labels {
    ($($name:ident: $start:ident $take:ident $taken:ident
        $(back $retake:ident $retaken:ident)? $(end $end:ident)?;)*) => {
        unsafe extern "C" {
            $(
                fn $start();
                fn $take();
                fn $taken();
                $(fn $retake(); fn $retaken();)?
                $(fn $end();)?
            )*
        }
        $(
            const $name: Labels = Labels {
                start: $start,
                take: [$take, $taken],
                retake: labels!(option $([$retake, $retaken])?),
                end: labels!(option $($end)?),
            };
        )*
    };
    (option) => { None };
    (option $value:expr) => { Some($value) };
}

labels! {
    CALL: warren_call
        warren_call_take warren_call_taken
        back warren_call_retake warren_call_retaken end warren_call_end;
    REFERENCE: warren_call_reference
        warren_call_reference_take warren_call_reference_taken
        back warren_call_reference_retake warren_call_reference_retaken end warren_call_reference_end;
    ATOMIC: warren_call_atomic
        warren_call_atomic_take warren_call_atomic_taken end warren_call_atomic_end;
    ATOMIC_REFERENCE: warren_call_atomic_reference
        warren_call_atomic_reference_take warren_call_atomic_reference_taken
        end warren_call_atomic_reference_end;
    WIDE: warren_call_wide
        warren_call_wide_take warren_call_wide_taken
        back warren_call_wide_retake warren_call_wide_retaken end warren_call_wide_end;
    WIDE_REFERENCE: warren_call_wide_reference
        warren_call_wide_reference_take warren_call_wide_reference_taken
        back warren_call_wide_reference_retake warren_call_wide_reference_retaken
        end warren_call_wide_reference_end;
    WIDE_ATOMIC: warren_call_wide_atomic
        warren_call_wide_atomic_take warren_call_wide_atomic_taken end warren_call_wide_atomic_end;
    WIDE_ATOMIC_REFERENCE: warren_call_wide_atomic_reference
        warren_call_wide_atomic_reference_take warren_call_wide_atomic_reference_taken
        end warren_call_wide_atomic_reference_end;
    ENGINE: warren_call_engine
        warren_call_engine_take warren_call_engine_taken
        back warren_call_engine_retake warren_call_engine_retaken;
    ENGINE_REFERENCE: warren_call_engine_reference
        warren_call_engine_reference_take warren_call_engine_reference_taken
        back warren_call_engine_reference_retake warren_call_engine_reference_retaken;
    ENGINE_ATOMIC: warren_call_engine_atomic
        warren_call_engine_atomic_take warren_call_engine_atomic_taken;
    ENGINE_ATOMIC_REFERENCE: warren_call_engine_atomic_reference
        warren_call_engine_atomic_reference_take warren_call_engine_atomic_reference_taken;
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
    /// Where control must not stay when it was interrupted, as addresses: behind the load of the free value, up to the store. It
    /// goes on at the load, because the thread may do that on another CPU.
    fn windows(&self) -> impl Iterator<Item = Range<u64>> {
        [Some(self.take), self.retake]
            .into_iter()
            .flatten()
            .map(|[load, stored]| address(load)..address(stored))
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
/// `frame` is the newest frame of the running thread, its lock is the thread's own, and the platform
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

/// Where generated code is interrupted between the load of the free value and the store that takes a lock, it has to go
/// back to the load.
///
/// Returns the address at which to go on. `offset` is the offset of `rip` inside its stub and `shape` the
/// stub's, or `None` if `rip` may lie in the engine's own templates.
pub fn restart(rip: u64, stub: Option<(u64, Shape)>) -> u64 {
    let inside = |window: &Range<u64>, at: u64| at > window.start && at < window.end;
    let Some((offset, shape)) = stub else {
        let mut windows = OWN.iter().flat_map(Labels::windows);
        return windows.find(|window| inside(window, rip)).map_or(rip, |window| window.start);
    };
    let template = labels(shape);
    // Where the thread would be in the template that the stub is a copy of.
    let at = address(template.start) + offset;
    let window = template.windows().find(|window| inside(window, at));
    window.map_or(rip, |window| rip - (at - window.start))
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
