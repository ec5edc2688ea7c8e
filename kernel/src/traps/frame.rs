//! The state of interrupted code.

use core::fmt;

use crate::cpu::descriptors::USER_CODE;

/// What an entry leaves on the stack: general registers, then what the processor pushed.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct TrapFrame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rbp: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rbx: u64,
    pub rax: u64,
    /// Which interrupt.
    pub vector: u64,
    /// The processor's error code, or 0.
    pub error: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

/// Words of a [`TrapFrame`].
pub const WORDS: usize = size_of::<TrapFrame>() / 8;

impl TrapFrame {
    /// Whether code in a domain was interrupted.
    pub fn is_users(&self) -> bool {
        self.cs == u64::from(USER_CODE)
    }
}

impl fmt::Display for TrapFrame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TrapFrame { rip, cs, rflags, rsp, rbp, rax, rbx, rcx, rdx, rsi, rdi, .. } = self;
        let TrapFrame { r8, r9, r10, r11, r12, r13, r14, r15, vector, error, .. } = self;
        writeln!(
            out,
            "vector {vector} error {error:#x} rip {rip:016x} cs {cs:x} flags {rflags:x}"
        )?;
        writeln!(out, "rsp {rsp:016x} rbp {rbp:016x} rax {rax:016x} rbx {rbx:016x}")?;
        writeln!(out, "rcx {rcx:016x} rdx {rdx:016x} rsi {rsi:016x} rdi {rdi:016x}")?;
        writeln!(out, "r8  {r8:016x} r9  {r9:016x} r10 {r10:016x} r11 {r11:016x}")?;
        write!(out, "r12 {r12:016x} r13 {r13:016x} r14 {r14:016x} r15 {r15:016x}")
    }
}
