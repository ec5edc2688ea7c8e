//! Floating-point and vector registers: saved around everything that interrupts, and scrubbed when a
//! domain is entered or left.
//!
//! `xsave` is used where it exists, restricted to x87, SSE and AVX, and `fxsave` elsewhere. Both areas are
//! [`AREA_BYTES`] long and aligned to 64.
#![expect(unsafe_code, reason = "extended control register, and a static that assembly reads")]

use core::sync::atomic::{AtomicU8, Ordering};

use super::registers;

/// Bytes of a saved state: 512 of legacy area, 64 of header, 256 of AVX.
pub const AREA_BYTES: usize = 832;

/// 1 if `xsave` is used. Assembly reads it.
pub static USE_XSAVE: AtomicU8 = AtomicU8::new(0);

/// MXCSR as every call finds it: all exceptions masked, rounding to nearest.
pub static DEFAULT_MXCSR: u32 = 0x1f80;

/// An area that restores the initial state: its header says that nothing is saved, and its legacy
/// part, which `fxrstor` uses, has the default control words.
#[repr(C, align(64))]
pub struct Area([u32; AREA_BYTES / 4]);

/// The initial state.
pub static INITIAL: Area = Area({
    let mut words = [0; AREA_BYTES / 4];
    words[0] = 0x037f;
    words[6] = 0x1f80;
    words
});

/// Switches the registers on.
pub fn enable(has_xsave: bool, has_avx: bool) {
    if has_xsave {
        // SAFETY: CR4.OSXSAVE is set, x87 and SSE always exist, and CPUID says whether AVX does.
        unsafe { registers::set_extended_control0(if has_avx { 7 } else { 3 }) };
        USE_XSAVE.store(1, Ordering::Relaxed);
    }
}

/// Assembly that saves all extended registers to the area at rsp. Clobbers rax and rdx.
/// Needs the operand `use_xsave`. Local labels 70 to 72.
macro_rules! save_extended {
    () => {
        "cmp byte ptr [rip + {use_xsave}], 0
        je 70f
        xor eax, eax
        mov [rsp + 512], rax
        mov [rsp + 520], rax
        mov [rsp + 528], rax
        mov [rsp + 536], rax
        mov [rsp + 544], rax
        mov [rsp + 552], rax
        mov [rsp + 560], rax
        mov [rsp + 568], rax
        mov eax, 7
        xor edx, edx
        xsave64 [rsp]
        jmp 72f
        70: fxsave64 [rsp]
        72:"
    };
}

/// Assembly that restores all extended registers from the area at `$area`, an address expression.
/// Clobbers rax and rdx. Needs the operand `use_xsave`. Local labels 73 and 74.
macro_rules! restore_extended {
    ($area:literal) => {
        concat!(
            "cmp byte ptr [rip + {use_xsave}], 0
            je 73f
            mov eax, 7
            xor edx, edx
            xrstor64 [",
            $area,
            "]
            74:
            .subsection 1
            73: fxrstor64 [",
            $area,
            "]
            jmp 74b
            .subsection 0"
        )
    };
}

pub(crate) use {restore_extended, save_extended};
