//! How a critical section begins and ends, in assembly: there are hundreds of them in the kernel, and each is so but a call, which
//! leaves all registers of its caller but one as they are. What is done in a section is in Rust ([`super::interrupts`]).
//!
//! # The common case, and the other
//!
//! A section begins and ends without a call to Rust, unless another CPU has the kernel's lock, or somebody else is due. Then Rust is
//! called, behind what saves the registers that Rust may change. The registers of vectors are not saved: callers are told that they change.
#![expect(unsafe_code, reason = "assembly that Rust calls from anywhere")]

use core::{arch::asm, cell::Cell, mem::offset_of, panic::Location};

use super::{
    block::Block,
    interrupts, kernel_lock,
    local::{COUNT, Local},
};
use crate::threads;

/// The flag of the processor by which interrupts are on.
const INTERRUPTS_ON: u64 = 0x200;

/// Calls to Rust, from where Rust may have anything in its registers but rax.
macro_rules! call_rust {
    ($function:literal) => {
        concat!(
            "push rcx
            push rdx
            push rsi
            push rdi
            push r8
            push r9
            push r10
            push r11
            sub rsp, 8
            call ",
            $function,
            "
            add rsp, 8
            pop r11
            pop r10
            pop r9
            pop r8
            pop rdi
            pop rsi
            pop rdx
            pop rcx
            "
        )
    };
}

core::arch::global_asm!(
    // Switches interrupts off, and takes the kernel's lock, unless that was done before. rax: whether interrupts were on, as their flag.
    ".macro begin_section",
    "pushfq",
    "pop rax",
    "and eax, {on}",
    "jz 70f",
    "cli",
    "cmp qword ptr [rip + {cpus}], 1",
    "ja 71f",
    "70:",
    ".endm",
    // What `begin_section` does with other CPUs.
    ".macro begin_section_among_others",
    "71:",
    call_rust!("{wait}"),
    "mov eax, {on}",
    "jmp 70b",
    ".endm",
    //
    ".globl critical_begin",
    "critical_begin:",
    "begin_section",
    "ret",
    "begin_section_among_others",
    //
    // The same, and marks the byte at rdi. If it is marked already: panics for the place at rsi.
    ".globl critical_begin_marked",
    "critical_begin_marked:",
    "begin_section",
    "cmp byte ptr [rdi], 0",
    "jne 72f",
    "mov byte ptr [rdi], 1",
    "ret",
    "begin_section_among_others",
    "72:",
    "mov rdi, rsi",
    "sub rsp, 8",
    "call {marked_already}",
    //
    // Lets others run who are due, gives the kernel's lock back, and switches interrupts on. They are off. Changes rax. On one CPU nobody
    // looks at the lock. No interrupt comes between `sti` and the caller.
    ".globl critical_end",
    "critical_end:",
    "mov rax, gs:[{local}]",
    "cmp byte ptr [rax + {due}], 0",
    "jne 73f",
    "74:",
    "mov qword ptr [rip + {holder}], {nobody}",
    "sti",
    "ret",
    "73:",
    call_rust!("{pass}"),
    "jmp 74b",
    on = const INTERRUPTS_ON,
    cpus = sym COUNT,
    wait = sym interrupts::wait_for_kernel,
    marked_already = sym marked_already,
    local = const offset_of!(Block, local),
    due = const offset_of!(Local, due),
    holder = sym kernel_lock::HOLDER,
    nobody = const kernel_lock::NOBODY as i64,
    pass = sym threads::pass,
);

/// Calls one of the functions above, which may change rax and, where they call Rust, the registers of vectors.
macro_rules! call {
    ($function:literal $(, $register:tt: $value:expr)*) => {{
        let rax: u64;
        // SAFETY: the function changes what is named here, and keeps to the rules of the kernel's lock.
        unsafe {
            asm!(
                concat!("call ", $function),
                $(in($register) $value,)*
                out("rax") rax,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            );
        }
        rax
    }};
}

/// How it was before a section began.
#[must_use = "the section is to be ended"]
#[derive(Clone, Copy)]
pub struct Before(u64);

impl Before {
    /// Whether interrupts were on: the section is no part of another.
    pub fn is_outside(self) -> bool {
        self.0 != 0
    }
}

/// Switches interrupts off, and takes the kernel's lock, unless that was done before.
pub fn begin() -> Before {
    Before(call!("critical_begin"))
}

/// The same, and marks something, which is to be unmarked before the section ends.
///
/// # Panics
///
/// If it is marked already.
#[track_caller]
pub fn begin_marked(mark: &Cell<bool>) -> Before {
    Before(call!("critical_begin_marked", "rdi": mark.as_ptr(), "rsi": Location::caller()))
}

/// Undoes what `begin` did. The outermost section lets others run who are due.
pub fn end(before: Before) {
    if before.is_outside() {
        call!("critical_end");
    }
}

extern "C" fn marked_already(place: &'static Location<'static>) -> ! {
    panic!("a guarded value is used inside its own use, at {place}")
}
