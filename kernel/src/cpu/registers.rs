//! Ports, model-specific registers, control registers, the time-stamp counter.
//!
//! # Who may do what
//!
//! Reads are safe. A write can change what memory means, so each is `unsafe`, and its caller names why
//! the machine stays what Rust believes it is.
#![expect(unsafe_code, reason = "privileged instructions")]

use core::arch::{asm, x86_64::CpuidResult};

/// Segment selectors of system calls.
pub const STAR: u32 = 0xc000_0081;
/// Where system calls enter.
pub const LSTAR: u32 = 0xc000_0082;
/// Flags that a system call clears.
pub const FMASK: u32 = 0xc000_0084;
/// Base of gs.
pub const GS_BASE: u32 = 0xc000_0101;
/// What `swapgs` exchanges it with.
pub const KERNEL_GS_BASE: u32 = 0xc000_0102;
/// Physical address of the local APIC, and whether it is on.
pub const APIC_BASE: u32 = 0x1b;

/// Reads a model-specific register that every x86-64 processor has.
pub fn read_msr(register: u32) -> u64 {
    let (high, low): (u32, u32);
    // SAFETY: reading changes nothing; a register that does not exist is a fault, not memory damage.
    unsafe {
        asm!("rdmsr", in("ecx") register, out("edx") high, out("eax") low, options(nomem, nostack));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Writes a model-specific register.
///
/// # Safety
///
/// The value must leave addresses and gs as the running code expects them.
pub unsafe fn write_msr(register: u32, value: u64) {
    let (high, low) = ((value >> 32) as u32, value as u32);
    // SAFETY: the caller's promise.
    unsafe { asm!("wrmsr", in("ecx") register, in("edx") high, in("eax") low, options(nostack)) };
}

/// Reads a byte from a port.
pub fn read_port8(port: u16) -> u8 {
    let value;
    // SAFETY: reading a port touches no memory.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack)) };
    value
}

/// Reads two bytes from a port.
pub fn read_port16(port: u16) -> u16 {
    let value;
    // SAFETY: reading a port touches no memory.
    unsafe { asm!("in ax, dx", in("dx") port, out("ax") value, options(nomem, nostack)) };
    value
}

/// Reads four bytes from a port.
pub fn read_port32(port: u16) -> u32 {
    let value;
    // SAFETY: reading a port touches no memory.
    unsafe { asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack)) };
    value
}

/// Writes a byte to a port.
///
/// # Safety
///
/// The device behind it must not be told to write to memory that is in use, or to reset.
pub unsafe fn write_port8(port: u16, value: u8) {
    // SAFETY: the caller's promise.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nostack)) };
}

/// Writes two bytes to a port.
///
/// # Safety
///
/// As for [`write_port8`].
pub unsafe fn write_port16(port: u16, value: u16) {
    // SAFETY: the caller's promise.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack)) };
}

/// Writes four bytes to a port.
///
/// # Safety
///
/// As for [`write_port8`].
pub unsafe fn write_port32(port: u16, value: u32) {
    // SAFETY: the caller's promise.
    unsafe { asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack)) };
}

/// The time-stamp counter.
pub fn time_stamp() -> u64 {
    // SAFETY: reading it changes nothing.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Random bits of a processor that has a generator; `None` if it has none ready.
pub fn random() -> Option<u64> {
    let (bits, ready): (u64, u8);
    // SAFETY: it touches no memory; without a generator it is a fault, not memory damage.
    unsafe {
        asm!("rdrand {}", "setc {}", out(reg) bits, out(reg_byte) ready, options(nomem, nostack));
    }
    (ready != 0).then_some(bits)
}

/// What the processor says about itself.
pub fn cpuid(leaf: u32) -> CpuidResult {
    core::arch::x86_64::__cpuid_count(leaf, 0)
}

/// The address whose access caused the last page fault.
pub fn fault_address() -> u64 {
    let address;
    // SAFETY: reading it changes nothing.
    unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack)) };
    address
}

/// Physical address of the page tables in use.
pub fn page_tables() -> u64 {
    let root;
    // SAFETY: reading it changes nothing.
    unsafe { asm!("mov {}, cr3", out(reg) root, options(nomem, nostack)) };
    root
}

/// Switches page tables, and forgets every translation that is not global.
///
/// # Safety
///
/// The tables must map the kernel's half as all tables do.
pub unsafe fn set_page_tables(root: u64) {
    // SAFETY: the caller's promise.
    unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack)) };
}

/// Forgets the translation of one page.
pub fn forget_page(address: u64) {
    // SAFETY: what is forgotten is read again from the tables.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack)) };
}

/// Forgets the translations of all pages, global ones too.
pub fn forget_all_pages() {
    /// Pages may be global.
    const GLOBAL: u64 = 1 << 7;
    let control = control4();
    // SAFETY: each change of the bit makes the processor forget; what is forgotten is read again from the tables.
    unsafe { set_control4(control ^ GLOBAL) };
    // SAFETY: the value was there before.
    unsafe { set_control4(control) };
}

/// CR4.
pub fn control4() -> u64 {
    let value;
    // SAFETY: reading it changes nothing.
    unsafe { asm!("mov {}, cr4", out(reg) value, options(nomem, nostack)) };
    value
}

/// Writes CR4.
///
/// # Safety
///
/// Paging and SSE must stay on, and every bit set must exist.
pub unsafe fn set_control4(value: u64) {
    // SAFETY: the caller's promise.
    unsafe { asm!("mov cr4, {}", in(reg) value, options(nostack)) };
}

/// Lets the kernel write pages that are mapped for reading only, while it does `work`.
///
/// # Safety
///
/// Interrupts are off, and whatever `work` writes may be written.
pub unsafe fn without_write_protection(work: impl FnOnce()) {
    const WRITE_PROTECT: u64 = 1 << 16;
    let control: u64;
    // SAFETY: reading it changes nothing.
    unsafe { asm!("mov {}, cr0", out(reg) control, options(nomem, nostack)) };
    let unprotected = control & !WRITE_PROTECT;
    // SAFETY: the caller's promise.
    unsafe { asm!("mov cr0, {}", in(reg) unprotected, options(nostack)) };
    work();
    // SAFETY: that is how it was.
    unsafe { asm!("mov cr0, {}", in(reg) control, options(nostack)) };
}

/// Writes XCR0: which registers `xsave` knows.
///
/// # Safety
///
/// CR4.OSXSAVE must be set, and every bit must exist.
pub unsafe fn set_extended_control0(value: u64) {
    let (high, low) = ((value >> 32) as u32, value as u32);
    // SAFETY: the caller's promise.
    unsafe { asm!("xsetbv", in("ecx") 0, in("edx") high, in("eax") low, options(nostack)) };
}
