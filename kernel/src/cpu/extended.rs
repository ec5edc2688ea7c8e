//! Floating-point and vector registers: saved around everything that interrupts, and scrubbed when a
//! domain is entered or left.
//!
//! `xsave` is used where it exists, restricted to x87, SSE and AVX, and `fxsave` elsewhere. Both areas are
//! [`AREA_BYTES`] long and aligned to 64. The places that do it are `fxsave64` and `fxrstor64` in the image; each
//! stands in a list and is made into `xsave64` or `xrstor64` at boot, which differ in one bit.
#![expect(unsafe_code, reason = "extended control register, and text that is patched once")]

use core::sync::atomic::{AtomicU64, Ordering};

use super::registers;

/// Bytes of a saved state: 512 of legacy area, 64 of header, 256 of AVX.
pub const AREA_BYTES: usize = 832;

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

/// Switches the registers on, and makes every place that saves or restores them do it the longer way. Called
/// once, while text is still writable.
pub fn enable(has_xsave: bool, has_avx: bool) {
    if !has_xsave {
        return;
    }
    CONTROL0.store(if has_avx { 7 } else { 3 }, Ordering::Relaxed);
    enable_like_the_first();
    let start = &raw const XSAVE_SITES_START as *const u64;
    let count = (&raw const XSAVE_SITES_END as usize - start as usize) / 8;
    // SAFETY: the linker script puts the list's ends around whole entries, which never change.
    for &site in unsafe { core::slice::from_raw_parts(start, count) } {
        let operand = (site + OPERAND) as *mut u8;
        // SAFETY: every entry is the address of one of the instructions below, in text that the boot tables
        // map writable, and that nobody executes before this returns.
        let short = unsafe { operand.read() };
        // SAFETY: as above.
        unsafe { operand.write(short | XSAVE) };
    }
}

/// Switches the registers on, as the CPU that boots has.
pub fn enable_like_the_first() {
    let control = CONTROL0.load(Ordering::Relaxed);
    if control != 0 {
        // SAFETY: CR4.OSXSAVE is set, x87 and SSE always exist, and CPUID says whether AVX does.
        unsafe { registers::set_extended_control0(control) };
    }
}

/// XCR0 of all CPUs; 0 where there is no `xsave`.
static CONTROL0: AtomicU64 = AtomicU64::new(0);

/// Offset of the byte with the operation in `fxsave64` and `fxrstor64`: behind prefix and opcode.
const OPERAND: u64 = 3;
/// The bit by which `xsave64` and `xrstor64` differ from them there.
const XSAVE: u8 = 0x20;

unsafe extern "C" {
    static XSAVE_SITES_START: [u64; 0];
    static XSAVE_SITES_END: [u64; 0];
}

/// Assembly of one `fxsave64` or `fxrstor64`, which [`enable`] finds. Local label 70.
macro_rules! extended_site {
    ($instruction:expr) => {
        concat!(
            "70: ",
            $instruction,
            "
            .pushsection .rodata.xsave_sites, \"a\"
            .quad 70b
            .popsection\n"
        )
    };
}

/// Assembly that saves all extended registers to the area at rsp. Clobbers rax and rdx.
macro_rules! save_extended {
    () => {
        concat!(
            "xor eax, eax
            mov [rsp + 512], rax
            mov [rsp + 520], rax
            mov [rsp + 528], rax
            mov [rsp + 536], rax
            mov [rsp + 544], rax
            mov [rsp + 552], rax
            mov [rsp + 560], rax
            mov [rsp + 568], rax
            mov eax, 7
            xor edx, edx\n",
            $crate::cpu::extended::extended_site!("fxsave64 [rsp]")
        )
    };
}

/// Assembly that restores all extended registers from the area at `$area`, an address expression. The three lowest bits of
/// eax are set; no other bit of edx:eax means anything, because nothing else was switched on.
macro_rules! restore_extended_by_eax {
    ($area:literal) => {
        $crate::cpu::extended::extended_site!(concat!("fxrstor64 [", $area, "]"))
    };
}

/// Assembly that restores all extended registers from the area at `$area`, an address expression.
/// Clobbers rax and rdx.
macro_rules! restore_extended {
    ($area:literal) => {
        concat!(
            "mov eax, 7
            xor edx, edx\n",
            $crate::cpu::extended::restore_extended_by_eax!($area)
        )
    };
}

pub(crate) use {extended_site, restore_extended, restore_extended_by_eax, save_extended};
