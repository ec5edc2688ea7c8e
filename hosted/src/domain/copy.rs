//! Copies from and to memory of callers, which may not be there.
#![expect(unsafe_code, reason = "copies between protection domains")]

use warren_abi::call::SystemError;
use warren_engine::space::Protection;

use crate::machine;

/// Whose memory a caller's buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Code in the domain with this number: nothing it says is believed.
    Domain(usize),
    /// A server in the engine's space, or the platform: only whether the memory is there is checked.
    Engine,
}

impl Owner {
    /// Whether the owner may use the bytes so.
    fn may(self, address: u64, bytes: u64, written: bool) -> bool {
        let Owner::Domain(domain) = self else { return true };
        let allowed = |protection| !written || protection == Protection::ReadWrite;
        bytes == 0
            || machine::with(|machine| machine.regions.belongs(address, bytes, domain, allowed))
    }
}

/// Copies from a caller's buffer to memory of the platform's.
///
/// # Safety
///
/// `to` leads to as many bytes that the platform may overwrite.
pub unsafe fn copy_in(owner: Owner, to: u64, from: u64, bytes: u64) -> Result<(), SystemError> {
    if owner.may(from, bytes, false) && copy(to, from, bytes) {
        return Ok(());
    }
    Err(SystemError::BadBuffer)
}

/// Copies from memory of the platform's to a caller's buffer.
///
/// # Safety
///
/// `from` leads to as many bytes that the caller may know, and the owner, if it is the engine, lets the
/// buffer be overwritten.
pub unsafe fn copy_out(owner: Owner, to: u64, from: u64, bytes: u64) -> Result<(), SystemError> {
    if owner.may(to, bytes, true) && copy(to, from, bytes) {
        return Ok(());
    }
    Err(SystemError::BadBuffer)
}

/// Copies, by a system call that answers where an access of our own would fault.
fn copy(to: u64, from: u64, bytes: u64) -> bool {
    if bytes == 0 {
        return true;
    }
    let length = bytes as usize;
    let local = libc::iovec { iov_base: to as *mut _, iov_len: length };
    let remote = libc::iovec { iov_base: from as *mut _, iov_len: length };
    // SAFETY: the callers of this module promise that the bytes may be overwritten; Linux checks that they can.
    let copied = unsafe {
        libc::process_vm_readv(std::process::id().cast_signed(), &local, 1, &remote, 1, 0)
    };
    copied == length.cast_signed()
}
