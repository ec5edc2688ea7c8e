//! The system call instruction, and service calls without the checks of the model.
//!
//! # Why a server may do that here
//!
//! A hostile server would not be written with the model. What is tested is that it can harm nobody but itself.
#![expect(unsafe_code, reason = "system calls with any registers are what is tested")]

use core::arch::asm;

use warren::raw::Ret;

/// Registers before or after a system call: rax, rdi, rsi, rdx, r10, r8, r9, rbx, rbp, r12, r13, r14, r15, and
/// then the two halves of what xmm0 to xmm15 hold together (only after it).
pub type Registers = [u64; 15];

/// Makes a system call with these registers and returns those after it.
pub fn system_call(before: &Registers) -> Registers {
    let mut registers = *before;
    // SAFETY: what the call does with memory is what the kernel lets it do, and the caller only names
    // memory of its own that nothing else uses; the compiler's registers are saved around it.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "push rcx",
            "mov rax, [rcx]",
            "mov rdi, [rcx + 8]",
            "mov rsi, [rcx + 16]",
            "mov rdx, [rcx + 24]",
            "mov r10, [rcx + 32]",
            "mov r8, [rcx + 40]",
            "mov r9, [rcx + 48]",
            "mov rbx, [rcx + 56]",
            "mov rbp, [rcx + 64]",
            "mov r12, [rcx + 72]",
            "mov r13, [rcx + 80]",
            "mov r14, [rcx + 88]",
            "mov r15, [rcx + 96]",
            "syscall",
            "pop rcx",
            "mov [rcx], rax",
            "mov [rcx + 8], rdi",
            "mov [rcx + 16], rsi",
            "mov [rcx + 24], rdx",
            "mov [rcx + 32], r10",
            "mov [rcx + 40], r8",
            "mov [rcx + 48], r9",
            "mov [rcx + 56], rbx",
            "mov [rcx + 64], rbp",
            "mov [rcx + 72], r12",
            "mov [rcx + 80], r13",
            "mov [rcx + 88], r14",
            "mov [rcx + 96], r15",
            "por xmm0, xmm1",
            "por xmm2, xmm3",
            "por xmm4, xmm5",
            "por xmm6, xmm7",
            "por xmm8, xmm9",
            "por xmm10, xmm11",
            "por xmm12, xmm13",
            "por xmm14, xmm15",
            "por xmm0, xmm2",
            "por xmm4, xmm6",
            "por xmm8, xmm10",
            "por xmm12, xmm14",
            "por xmm0, xmm4",
            "por xmm8, xmm12",
            "por xmm0, xmm8",
            "movdqu [rcx + 104], xmm0",
            "pop rbp",
            "pop rbx",
            inout("rcx") registers.as_mut_ptr() => _,
            out("rax") _, out("rdi") _, out("rsi") _, out("rdx") _,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            clobber_abi("C"),
        );
    }
    registers
}

mod imports {
    use warren::raw::Ret;

    unsafe extern "C" {
        #[link_name = "wcall.7e570001.0.Echo.nothing._n"]
        pub fn nothing(echo: u64) -> Ret;
        #[link_name = "wcall.7e570001.6.Echo.sum.i_w"]
        pub fn sum(echo: u64, start: u64, length: u64) -> Ret;
        #[link_name = "wcall.7e570001.9.Echo.characters.i_w"]
        pub fn characters(echo: u64, start: u64, length: u64) -> Ret;
        #[link_name = "wcall.7e570001.10.Echo.fill.vo_w"]
        pub fn fill(echo: u64, seed: u64, start: u64, length: u64) -> Ret;
        #[link_name = "wcall.7e570001.11.Echo.invert.b_n"]
        pub fn invert(echo: u64, start: u64, length: u64) -> Ret;
        #[link_name = "wcall.7e570003.3.Hub.ignore.r2119630850_n"]
        pub fn ignore(hub: u64, token: u64) -> Ret;
    }
}

/// Calls `Echo::nothing`.
pub fn nothing(reference: u64) -> Ret {
    // SAFETY: see the head of this file; who answers checks the word.
    unsafe { imports::nothing(reference) }
}

/// A function of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `Echo::sum`.
    Sum,
    /// `Echo::characters`.
    Characters,
    /// `Echo::fill`.
    Fill,
    /// `Echo::invert`.
    Invert,
    /// `Hub::ignore`.
    Ignore,
}

impl Function {
    /// All of them.
    pub const ALL: [Function; 5] =
        [Function::Sum, Function::Characters, Function::Fill, Function::Invert, Function::Ignore];

    /// Calls it with any words: a reference, an address, a length.
    pub fn call(self, reference: u64, address: u64, length: u64) -> Ret {
        match self {
            // SAFETY: see the head of this file; who answers checks the words.
            Function::Sum => unsafe { imports::sum(reference, address, length) },
            // SAFETY: as above.
            Function::Characters => unsafe { imports::characters(reference, address, length) },
            // SAFETY: as above. Memory is the prober's playground, or must be refused.
            Function::Fill => unsafe { imports::fill(reference, 7, address, length) },
            // SAFETY: as above.
            Function::Invert => unsafe { imports::invert(reference, address, length) },
            // SAFETY: as above; any word may stand for a reference.
            Function::Ignore => unsafe { imports::ignore(reference, address) },
        }
    }
}
