//! Holds a pattern where only an interrupt can change it, and looks at it again.
#![expect(unsafe_code, reason = "only assembly says what lies in which register")]

use core::arch::{
    asm,
    x86_64::{__cpuid, _xgetbv},
};

/// Words below the stack pointer that nobody may change: the red zone of the System V ABI.
const RED_ZONE_WORDS: u64 = 16;

/// Whether the processor and whoever runs it let servers use ymm registers.
pub fn has_avx() -> bool {
    let features = __cpuid(1).ecx;
    let both = 1 << 27 | 1 << 28;
    if features & both != both {
        return false;
    }
    // SAFETY: the processor has the instruction (OSXSAVE).
    let enabled = unsafe { enabled_state() };
    enabled & 0b110 == 0b110
}

#[target_feature(enable = "xsave")]
fn enabled_state() -> u64 {
    // SAFETY: register 0 exists wherever the instruction does.
    unsafe { _xgetbv(0) }
}

/// Holds the pattern in the red zone, all xmm registers and general ones for `rounds` of a loop; `false` if anything
/// changed.
pub fn in_red_zone_and_xmm(pattern: u64, rounds: u64) -> bool {
    let difference: u64;
    // SAFETY: the compiler keeps nothing below the stack pointer around assembly that may push; registers are
    // declared.
    unsafe {
        asm!(
            "lea rdi, [rsp - 128]",
            "mov ecx, {words}",
            "2: mov [rdi + rcx * 8 - 8], r8",
            "dec ecx",
            "jnz 2b",
            "movq xmm0, r8",
            "punpcklqdq xmm0, xmm0",
            "movdqa xmm1, xmm0", "movdqa xmm2, xmm0", "movdqa xmm3, xmm0", "movdqa xmm4, xmm0",
            "movdqa xmm5, xmm0", "movdqa xmm6, xmm0", "movdqa xmm7, xmm0", "movdqa xmm8, xmm0",
            "movdqa xmm9, xmm0", "movdqa xmm10, xmm0", "movdqa xmm11, xmm0", "movdqa xmm12, xmm0",
            "movdqa xmm13, xmm0", "movdqa xmm14, xmm0", "movdqa xmm15, xmm0",
            "mov rax, r8", "mov rdx, r8", "mov rsi, r8", "mov r10, r8", "mov r11, r8",
            "mov r12, r8", "mov r13, r8", "mov r14, r8", "mov r15, r8",
            "3: dec r9",
            "jnz 3b",
            "xor rax, r8", "xor rdx, r8", "xor rsi, r8", "xor r10, r8", "xor r11, r8",
            "xor r12, r8", "xor r13, r8", "xor r14, r8", "xor r15, r8",
            "or rax, rdx", "or rax, rsi", "or rax, r10", "or rax, r11",
            "or rax, r12", "or rax, r13", "or rax, r14", "or rax, r15",
            "mov ecx, {words}",
            "4: mov rdx, [rdi + rcx * 8 - 8]",
            "xor rdx, r8",
            "or rax, rdx",
            "dec ecx",
            "jnz 4b",
            "pxor xmm1, xmm0", "pxor xmm2, xmm0", "pxor xmm3, xmm0", "pxor xmm4, xmm0",
            "pxor xmm5, xmm0", "pxor xmm6, xmm0", "pxor xmm7, xmm0", "pxor xmm8, xmm0",
            "pxor xmm9, xmm0", "pxor xmm10, xmm0", "pxor xmm11, xmm0", "pxor xmm12, xmm0",
            "pxor xmm13, xmm0", "pxor xmm14, xmm0", "pxor xmm15, xmm0",
            "por xmm1, xmm2", "por xmm1, xmm3", "por xmm1, xmm4", "por xmm1, xmm5",
            "por xmm1, xmm6", "por xmm1, xmm7", "por xmm1, xmm8", "por xmm1, xmm9",
            "por xmm1, xmm10", "por xmm1, xmm11", "por xmm1, xmm12", "por xmm1, xmm13",
            "por xmm1, xmm14", "por xmm1, xmm15",
            "movq rdx, xmm1",
            "or rax, rdx",
            "punpckhqdq xmm1, xmm1",
            "movq rdx, xmm1",
            "or rax, rdx",
            "movq rdx, xmm0",
            "xor rdx, r8",
            "or rax, rdx",
            words = const RED_ZONE_WORDS,
            in("r8") pattern,
            inout("r9") rounds => _,
            out("rax") difference,
            out("rdi") _, out("rcx") _, out("rdx") _, out("rsi") _, out("r10") _, out("r11") _,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _,
            out("xmm5") _, out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _,
            out("xmm10") _, out("xmm11") _, out("xmm12") _, out("xmm13") _, out("xmm14") _,
            out("xmm15") _,
        );
    }
    difference == 0
}

/// Holds the pattern in the upper halves of some ymm registers for `rounds` of a loop; `false` if anything changed.
/// The processor must have them: [`has_avx`].
pub fn in_ymm(pattern: u64, rounds: u64) -> bool {
    let difference: u64;
    // SAFETY: the caller asked for AVX before; registers are declared, and the upper halves are clean afterwards.
    unsafe {
        asm!(
            "vmovq xmm0, r8",
            "vpunpcklqdq xmm0, xmm0, xmm0",
            "vinsertf128 ymm0, ymm0, xmm0, 1",
            "vmovdqa ymm5, ymm0",
            "vmovdqa ymm10, ymm0",
            "vmovdqa ymm15, ymm0",
            "3: dec r9",
            "jnz 3b",
            "vextractf128 xmm1, ymm0, 1",
            "vextractf128 xmm2, ymm5, 1",
            "vextractf128 xmm3, ymm10, 1",
            "vextractf128 xmm4, ymm15, 1",
            "vpxor xmm2, xmm2, xmm1",
            "vpxor xmm3, xmm3, xmm1",
            "vpxor xmm4, xmm4, xmm1",
            "vpor xmm2, xmm2, xmm3",
            "vpor xmm2, xmm2, xmm4",
            "vmovq rax, xmm2",
            "vpunpckhqdq xmm2, xmm2, xmm2",
            "vmovq rdx, xmm2",
            "or rax, rdx",
            "vmovq rdx, xmm1",
            "xor rdx, r8",
            "or rax, rdx",
            "vzeroupper",
            in("r8") pattern,
            inout("r9") rounds => _,
            out("rax") difference, out("rdx") _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _,
            out("xmm5") _, out("xmm10") _, out("xmm15") _,
        );
    }
    difference == 0
}
