//! Copies from and to memory that is not the kernel's, and may not be there.
//!
//! A page fault inside the copying instruction ends the copy with an answer instead of a panic; the
//! instruction stands in the list of fixups that [`crate::traps::faults`] looks into.
#![expect(unsafe_code, reason = "copies between protection domains")]

use warren_abi::call::SystemError;
use warren_engine::platform::REGION_BYTES;

use crate::{cpu::features::smap_site, memory::regions, traps::faults::may_fault};

core::arch::global_asm!(
    // fn(to rdi, from rsi, bytes rdx) -> bool: false if a page was missing or protected.
    ".globl copy_or_fail",
    "copy_or_fail:",
    smap_site!("stac"),
    "mov rcx, rdx",
    "shr rcx, 3",
    may_fault!(
        "rep movsq
        mov ecx, edx
        and ecx, 7
        rep movsb",
        "54f"
    ),
    "mov eax, 1",
    "53:",
    smap_site!("clac"),
    "ret",
    "54: xor eax, eax",
    "jmp 53b",
);

unsafe extern "C" {
    fn copy_or_fail(to: u64, from: u64, bytes: u64) -> bool;
}

/// Whose memory a caller's buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Code in the domain whose page tables are in use: nothing it says is believed.
    User,
    /// A server placed in the kernel, or the kernel: only whether the memory is there is checked.
    Kernel,
}

impl Owner {
    #[inline(always)]
    fn check(self, address: u64, bytes: u64) -> Result<(), SystemError> {
        let end = address.checked_add(bytes).ok_or(SystemError::BadBuffer)?;
        let allowed = match self {
            Owner::Kernel => true,
            Owner::User => bytes == 0 || is_one_domains(address, end - 1),
        };
        if allowed { Ok(()) } else { Err(SystemError::BadBuffer) }
    }
}

/// Whether both addresses lie in one region that belongs to a domain.
///
/// Page tables alone do not tell: the kernel's instructions also reach the regions of servers that are
/// placed in the kernel, which every domain's tables show to the kernel. A region of *another* domain
/// is not in the tables, so the copy fails by itself.
#[inline(always)]
fn is_one_domains(first: u64, last: u64) -> bool {
    (first ^ last) < REGION_BYTES && regions::is_of_a_domain(first)
}

/// Copies from a caller's buffer to memory of the kernel's.
///
/// # Safety
///
/// `to` leads to as many bytes that the kernel may overwrite.
pub unsafe fn copy_in(owner: Owner, to: u64, from: u64, bytes: u64) -> Result<(), SystemError> {
    owner.check(from, bytes)?;
    // SAFETY: the caller's promise; a source that is not there ends the copy.
    let done = unsafe { copy_or_fail(to, from, bytes) };
    if done { Ok(()) } else { Err(SystemError::BadBuffer) }
}

/// Copies from memory of the kernel's to a caller's buffer.
///
/// # Safety
///
/// `from` leads to as many bytes that the caller may know, and the owner, if it is the kernel, lets the
/// buffer be overwritten.
pub unsafe fn copy_out(owner: Owner, to: u64, from: u64, bytes: u64) -> Result<(), SystemError> {
    owner.check(to, bytes)?;
    // SAFETY: the caller's promise; a user's buffer lies below the kernel's addresses, where page
    // tables decide what may be written.
    let done = unsafe { copy_or_fail(to, from, bytes) };
    if done { Ok(()) } else { Err(SystemError::BadBuffer) }
}
