//! What this processor offers, switched on.
//!
//! SMEP, SMAP and UMIP protect the kernel from code in domains and are used wherever they exist.
//! `stac` and `clac` do not exist without SMAP: every place that uses them stands in a list, and is
//! made into no-operations at boot. FSGSBASE stays off: nobody needs it, and it would let code in a domain
//! give gs a value that looks like the kernel's.
#![expect(unsafe_code, reason = "control registers, and text that is patched once")]

use core::sync::atomic::{AtomicU64, Ordering};

use super::{extended, registers};

const OSXSAVE: u64 = 1 << 18;
const UMIP: u64 = 1 << 11;
const SMEP: u64 = 1 << 20;
const SMAP: u64 = 1 << 21;

/// CR4 of the CPU that boots.
static CONTROL4: AtomicU64 = AtomicU64::new(0);

/// A three-byte no-operation: the length of `stac` and `clac`.
const NO_OPERATION: [u8; 3] = [0x0f, 0x1f, 0x00];

/// Assembly of one `stac` or `clac`, which [`enable`] finds. Local label 71.
macro_rules! smap_site {
    ($instruction:literal) => {
        concat!(
            "71: ",
            $instruction,
            "
            .pushsection .rodata.smap_sites, \"a\"
            .quad 71b
            .popsection\n"
        )
    };
}

pub(crate) use smap_site;

unsafe extern "C" {
    static SMAP_SITES_START: [u64; 0];
    static SMAP_SITES_END: [u64; 0];
}

/// Switches everything on that this processor has. Called once, while text is still writable.
pub fn enable() {
    let basic = registers::cpuid(1);
    let structured = if registers::cpuid(0).eax >= 7 { registers::cpuid(7) } else { basic_only() };
    let mut control = registers::control4();
    let mut add = |has: bool, bit: u64| control |= if has { bit } else { 0 };
    add(basic.ecx & 1 << 26 != 0, OSXSAVE);
    add(structured.ecx & 1 << 2 != 0, UMIP);
    add(structured.ebx & 1 << 7 != 0, SMEP);
    let smap = structured.ebx & 1 << 20 != 0;
    add(smap, SMAP);
    if !smap {
        remove_smap_instructions();
    }
    CONTROL4.store(control, Ordering::Relaxed);
    // SAFETY: only bits were added, and CPUID says that they exist.
    unsafe { registers::set_control4(control) };
    extended::enable(basic.ecx & 1 << 26 != 0, basic.ecx & 1 << 28 != 0);
}

/// Switches on what the CPU that boots has. A machine's CPUs are alike.
pub fn enable_like_the_first() {
    // SAFETY: the bits are those of a CPU like this one.
    unsafe { registers::set_control4(CONTROL4.load(Ordering::Relaxed)) };
    extended::enable_like_the_first();
}

fn basic_only() -> core::arch::x86_64::CpuidResult {
    core::arch::x86_64::CpuidResult { eax: 0, ebx: 0, ecx: 0, edx: 0 }
}

fn remove_smap_instructions() {
    let start = &raw const SMAP_SITES_START as *const u64;
    let count = (&raw const SMAP_SITES_END as u64 - start as u64) / 8;
    // SAFETY: the linker script puts the list's ends around whole entries, which never change.
    let sites = unsafe { core::slice::from_raw_parts(start, count as usize) };
    for &site in sites {
        let site = site as *mut [u8; 3];
        // SAFETY: every entry is the address of a three-byte instruction in the kernel's text, which
        // the boot tables map writable, and which nobody executes before this returns.
        unsafe { site.write(NO_OPERATION) };
    }
}
