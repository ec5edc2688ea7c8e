//! Stubs: the code that a server's imports are bound to.
//!
//! A stub for a caller in the engine's space is a copy of one of four templates with one number
//! patched in, the offset of the function among the callee's entries. A stub for a caller in a domain of
//! its own is a system call. Templates find everything through gs, so they run at any address.
//!
//! # What a template does
//!
//! It moves the return address from the stack into a new [`Frame`], so that the callee finds
//! arguments on the stack where the caller put them; saves what a fault in the callee
//! needs to go on in the caller; frees the caller's lock, takes the callee's, calls the entry, frees the
//! callee's, drops temporaries if there are any, takes the caller's lock, and returns with a `ret`
//! that the processor predicts. An atomic call keeps the caller's lock and so differs.
//!
//! # Interrupted between compare and store
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
    layout::{Cpu, Frame, Object},
    part,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The caller's lock is kept.
    pub atomic: bool,
    /// The result is a reference.
    pub reference: bool,
}

/// A system call's number for the return from a callee: all bits are set.
pub const RETURN: u32 = u32::MAX;
/// Number of the first of [`warren_abi::system::FUNCTIONS`]: more than an instance has outgoing calls.
pub const FIRST_FUNCTION: u32 = 1 << 16;
/// Number of the instance's first outgoing call. The kernel uses such a number as an index.
pub const FIRST_CALL: u32 = 0;

/// Bytes of one stub: every template fits.
pub const STUB_BYTES: usize = 448;

/// Assembles one template between two labels. `$free` frees the caller's lock, `$take` takes the callee's,
/// `$call` calls the entry, `$finish` frees the callee's lock and drops temporaries.
macro_rules! template {
    ($name:literal, $take:expr, $call:literal, $finish:expr, $retake:expr) => {
        concat!(
            ".balign 16\n",
            ".globl ",
            $name,
            "\n",
            $name,
            ":\n",
            part!("frame"),
            "mov r11, gs:[{cpu_frame}]\n",
            "pop qword ptr [r11 + {return_address}]\n",
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
            $call,
            ".globl ",
            $name,
            "_resume\n",
            $name,
            "_resume:\n",
            part!("frame"),
            "mov r11, gs:[{cpu_frame}]\n",
            $finish,
            part!("frame"),
            "sub r11, {frame_bytes}\n",
            "mov gs:[{cpu_frame}], r11\n",
            $retake,
            part!("return to the caller"),
            "push qword ptr [r11 + {return_address}]\n",
            "ret\n",
        )
    };
}

/// Frees the caller's lock, publishes the frame, takes the callee's lock.
macro_rules! take {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "mov rax, [r11 - {frame_bytes} + {lock}]\n",
            "mov r10, gs:[{cpu_free}]\n",
            "mov [rax], r10\n",
            "add r11, {frame_bytes}\n",
            "mov gs:[{cpu_frame}], r11\n",
            $name,
            "_retry:\n",
            "mov rax, [rdi + {object_lock}]\n",
            "mov [r11 - {frame_bytes} + {lock}], rax\n",
            "mov r11, gs:[{cpu_thread}]\n",
            ".globl ",
            $name,
            "_take\n",
            $name,
            "_take:\n",
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

/// Publishes the frame and takes the callee's lock. One that has none gets the thread's own, which the thread
/// may hold already: it must not find its caller's, which it could free.
macro_rules! take_atomic {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "mov r10, gs:[{cpu_free}]\n",
            "add r11, {frame_bytes}\n",
            "mov gs:[{cpu_frame}], r11\n",
            $name,
            "_retry:\n",
            "mov rax, [rdi + {object_lock}]\n",
            "mov [r11 - {frame_bytes} + {lock}], rax\n",
            "mov r11, gs:[{cpu_thread}]\n",
            "cmp rax, gs:[{cpu_idle_lock}]\n",
            "jne ",
            $name,
            "_take\n",
            "mov [rax], r11\n",
            "jmp ",
            $name,
            "_taken\n",
            ".globl ",
            $name,
            "_take\n",
            $name,
            "_take:\n",
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

/// Takes the caller's lock back.
macro_rules! retake {
    ($name:literal) => {
        concat!(
            part!("lock"),
            "mov rsi, gs:[{cpu_thread}]\n",
            $name,
            "_back:\n",
            "mov rcx, [r11 - {frame_bytes} + {lock}]\n",
            "mov r10, gs:[{cpu_free}]\n",
            ".globl ",
            $name,
            "_retake\n",
            $name,
            "_retake:\n",
            "cmp [rcx], r10\n",
            "jne ",
            $name,
            "_wait_back\n",
            "mov [rcx], rsi\n",
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
            "mov r10, gs:[{cpu_free}]\n",
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
            "mov r10, gs:[{cpu_free}]\n",
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

/// The ways off the fast path, placed behind the template's `ret`.
macro_rules! slow {
    ($name:literal, $wait:literal) => {
        concat!(
            $name,
            "_wait:\n",
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
            "mov rbx, [r11 - {frame_bytes} + {saved}]\n",
            "pop r9\n",
            "pop r8\n",
            "pop rcx\n",
            "pop rdx\n",
            "pop rsi\n",
            "pop rdi\n",
            "mov r10, gs:[{cpu_free}]\n",
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
            "mov r10, [r11 - 2 * {frame_bytes} + {lock}]\n",
            "mov [r11 - {frame_bytes} + {lock}], r10\n",
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
            "mov rsi, gs:[{cpu_thread}]\n",
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

core::arch::global_asm!(
    // Values, ordinary.
    template!(
        "warren_call",
        take!("warren_call"),
        "call [rax + 0x7fffff00]\n",
        concat!(free!(), drop_temporaries!("warren_call")),
        retake!("warren_call")
    ),
    slow!("warren_call", "{slow_wait}"),
    "jmp warren_call_retry\n",
    slow_back!("warren_call"),
    slow_drop!("warren_call"),
    ".globl warren_call_end\nwarren_call_end:\n",
    // A reference, ordinary.
    template!(
        "warren_call_reference",
        take!("warren_call_reference"),
        "call [rax + 0x7fffff00]\n",
        concat!(free!(), hand_over!()),
        retake!("warren_call_reference")
    ),
    slow!("warren_call_reference", "{slow_wait}"),
    "jmp warren_call_reference_retry\n",
    slow_back!("warren_call_reference"),
    ".globl warren_call_reference_end\nwarren_call_reference_end:\n",
    // Values, atomic.
    template!(
        "warren_call_atomic",
        take_atomic!("warren_call_atomic"),
        "call [rax + 0x7fffff00]\n",
        concat!(free_atomic!("warren_call_atomic"), drop_temporaries!("warren_call_atomic")),
        ""
    ),
    slow!("warren_call_atomic", "{slow_wait_atomic}"),
    waited_atomic!("warren_call_atomic"),
    slow_drop!("warren_call_atomic"),
    ".globl warren_call_atomic_end\nwarren_call_atomic_end:\n",
    // A reference, atomic.
    template!(
        "warren_call_atomic_reference",
        take_atomic!("warren_call_atomic_reference"),
        "call [rax + 0x7fffff00]\n",
        concat!(free_atomic!("warren_call_atomic_reference"), hand_over!()),
        ""
    ),
    slow!("warren_call_atomic_reference", "{slow_wait_atomic}"),
    waited_atomic!("warren_call_atomic_reference"),
    ".globl warren_call_atomic_reference_end\nwarren_call_atomic_reference_end:\n",
    // The engine's own calls: the entry's offset in rbx, the result never handed over.
    template!(
        "warren_call_engine",
        take!("warren_call_engine"),
        "call [rax + rbx]\n",
        concat!(free!(), drop_temporaries!("warren_call_engine")),
        retake!("warren_call_engine")
    ),
    slow!("warren_call_engine", "{slow_wait}"),
    "jmp warren_call_engine_retry\n",
    slow_back!("warren_call_engine"),
    slow_drop!("warren_call_engine"),
    template!(
        "warren_call_engine_reference",
        take!("warren_call_engine_reference"),
        "call [rax + rbx]\n",
        concat!(free!(), hand_over!()),
        retake!("warren_call_engine_reference")
    ),
    slow!("warren_call_engine_reference", "{slow_wait}"),
    "jmp warren_call_engine_reference_retry\n",
    slow_back!("warren_call_engine_reference"),
    template!(
        "warren_call_engine_atomic",
        take_atomic!("warren_call_engine_atomic"),
        "call [rax + rbx]\n",
        concat!(
            free_atomic!("warren_call_engine_atomic"),
            drop_temporaries!("warren_call_engine_atomic")
        ),
        ""
    ),
    slow!("warren_call_engine_atomic", "{slow_wait_atomic}"),
    waited_atomic!("warren_call_engine_atomic"),
    slow_drop!("warren_call_engine_atomic"),
    template!(
        "warren_call_engine_atomic_reference",
        take_atomic!("warren_call_engine_atomic_reference"),
        "call [rax + rbx]\n",
        concat!(free_atomic!("warren_call_engine_atomic_reference"), hand_over!()),
        ""
    ),
    slow!("warren_call_engine_atomic_reference", "{slow_wait_atomic}"),
    waited_atomic!("warren_call_engine_atomic_reference"),
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
    // `return_address` of frames that would return into a dead server.
    ".globl warren_dead_return\nwarren_dead_return:\n",
    "and rsp, -16\ncall gs:[{slow_dead}]\nud2\n",
    cpu_frame = const offset_of!(Cpu, frame),
    cpu_owner = const offset_of!(Cpu, owner),
    cpu_thread = const offset_of!(Cpu, thread),
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
);

/// The labels of one template.
macro_rules! labels {
    ($($name:ident: $start:ident $take:ident $taken:ident;)*) => {
        unsafe extern "C" {
            $(fn $start(); fn $take(); fn $taken();)*
        }
        $(
            const $name: Labels = Labels { start: $start, take: $take, taken: $taken };
        )*
    };
}

/// Addresses inside a template.
struct Labels {
    start: unsafe extern "C" fn(),
    take: unsafe extern "C" fn(),
    taken: unsafe extern "C" fn(),
}

labels! {
    CALL: warren_call warren_call_take warren_call_taken;
    REFERENCE: warren_call_reference
                warren_call_reference_take warren_call_reference_taken;
    ATOMIC: warren_call_atomic
                warren_call_atomic_take warren_call_atomic_taken;
    ATOMIC_REFERENCE: warren_call_atomic_reference
                warren_call_atomic_reference_take warren_call_atomic_reference_taken;
    ENGINE: warren_call_engine
                warren_call_engine_take warren_call_engine_taken;
    ENGINE_REFERENCE: warren_call_engine_reference
                warren_call_engine_reference_take warren_call_engine_reference_taken;
    ENGINE_ATOMIC: warren_call_engine_atomic
                warren_call_engine_atomic_take warren_call_engine_atomic_taken;
    ENGINE_ATOMIC_REFERENCE: warren_call_engine_atomic_reference
                warren_call_engine_atomic_reference_take warren_call_engine_atomic_reference_taken;
}

unsafe extern "C" {
    fn warren_call_end();
    fn warren_call_reference_end();
    fn warren_call_atomic_end();
    fn warren_call_atomic_reference_end();
    fn warren_call_retake();
    fn warren_call_retaken();
    fn warren_call_reference_retake();
    fn warren_call_reference_retaken();
    fn warren_call_engine_retake();
    fn warren_call_engine_retaken();
    fn warren_call_engine_reference_retake();
    fn warren_call_engine_reference_retaken();
    fn warren_invoke(object: *mut c_void, offset: usize, words: *const u64, template: usize)
    -> Ret;
    fn warren_dead_return();
    fn warren_leave(frame: *const c_void, error: u64) -> !;
}

/// The words of a call after the reference: registers first, then the stack.
pub type Words = [u64; REGISTER_WORDS + STACK_WORDS];

/// Calls entry `index` of an object on behalf of the code that runs, as a stub would.
///
/// # Safety
///
/// `object` is an object that is held until the call returns; the words are what entry `index` expects,
/// and buffers among them are memory that the callee may use. gs points to a [`Cpu`] whose thread is
/// set up, and preemption is allowed. No borrow of engine tables is alive.
pub unsafe fn invoke(object: *mut Object, index: usize, words: &Words, shape: Shape) -> Ret {
    let template = match (shape.atomic, shape.reference) {
        (false, false) => ENGINE.start,
        (false, true) => ENGINE_REFERENCE.start,
        (true, false) => ENGINE_ATOMIC.start,
        (true, true) => ENGINE_ATOMIC_REFERENCE.start,
    };
    // SAFETY: the caller's promises are those of the assembly.
    unsafe {
        warren_invoke(
            object.cast(),
            index * size_of::<usize>(),
            words.as_ptr(),
            template as *const () as usize,
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
    let (labels, end): (Labels, unsafe extern "C" fn()) = match (shape.atomic, shape.reference) {
        (false, false) => (CALL, warren_call_end),
        (false, true) => (REFERENCE, warren_call_reference_end),
        (true, false) => (ATOMIC, warren_call_atomic_end),
        (true, true) => (ATOMIC_REFERENCE, warren_call_atomic_reference_end),
    };
    let start = labels.start as *const () as usize;
    let length = end as *const () as usize - start;
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

/// The stub of a system function that gives its argument back, in any placement.
pub fn identity_stub() -> Vec<u8> {
    alloc::vec![0x48, 0x89, 0xfa, 0x31, 0xc0, 0xc3] // mov rdx, rdi; xor eax, eax; ret
}

/// Stack words of a call lie this far above the stack pointer at the system call: behind the return address.
pub const SYSTEM_CALL_STACK: u64 = 8;

/// Where generated code is interrupted between compare and store, it has to go back to the compare.
///
/// Returns the address at which to go on. `offset` is the offset of `rip` inside its stub and `shape` the
/// stub's, or `None` if `rip` may lie in the engine's own templates.
pub fn restart(rip: u64, stub: Option<(u64, Shape)>) -> u64 {
    let address = |label: unsafe extern "C" fn()| label as *const () as u64;
    let own = [
        (ENGINE.take, ENGINE.taken),
        (ENGINE_REFERENCE.take, ENGINE_REFERENCE.taken),
        (ENGINE_ATOMIC.take, ENGINE_ATOMIC.taken),
        (ENGINE_ATOMIC_REFERENCE.take, ENGINE_ATOMIC_REFERENCE.taken),
        (warren_call_engine_retake, warren_call_engine_retaken),
        (warren_call_engine_reference_retake, warren_call_engine_reference_retaken),
    ];
    let Some((offset, shape)) = stub else {
        let window =
            own.iter().find(|(from, to)| (address(*from) + 1..address(*to)).contains(&rip));
        return window.map_or(rip, |(from, _)| address(*from));
    };
    let (labels, retake): (Labels, Option<[unsafe extern "C" fn(); 2]>) =
        match (shape.atomic, shape.reference) {
            (false, false) => (CALL, Some([warren_call_retake, warren_call_retaken])),
            (false, true) => {
                (REFERENCE, Some([warren_call_reference_retake, warren_call_reference_retaken]))
            }
            (true, false) => (ATOMIC, None),
            (true, true) => (ATOMIC_REFERENCE, None),
        };
    let start = address(labels.start);
    for [from, to] in [Some([labels.take, labels.taken]), retake].into_iter().flatten() {
        let window = address(from) - start..address(to) - start;
        if offset > window.start && offset < window.end {
            return rip - offset + window.start;
        }
    }
    rip
}

/// The `return_address` of frames that would return into a dead server of the engine's space.
pub fn dead_return() -> u64 {
    warren_dead_return as *const () as u64
}
