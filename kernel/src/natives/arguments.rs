//! Buffers among the words of a call to a native.
//!
//! A domain's buffers are the kernel's own copies here. A server placed in the kernel passes its own memory, and
//! is believed as all code in the kernel's space is.
#![expect(unsafe_code, reason = "words become slices")]

use warren_abi::call::{Ret, SystemError};
use warren_engine::reference::refuse;

/// A buffer that the native reads.
///
/// # Safety
///
/// The words are a buffer of the call that runs; the slice is not used after it.
pub unsafe fn bytes<'a>(address: u64, length: u64) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(address as *const u8, length as usize) }
}

/// A text that the native reads.
///
/// # Safety
///
/// As for [`bytes`].
pub unsafe fn text<'a>(address: u64, length: u64) -> Result<&'a str, Ret> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { bytes(address, length) };
    str::from_utf8(bytes).map_err(|_| refuse(SystemError::BadArgument))
}

/// Writes as much of `contents` to a buffer as fits.
///
/// # Safety
///
/// The words are a buffer of the call that runs, which the native may write.
pub unsafe fn write(address: u64, length: u64, contents: &[u8]) {
    let count = contents.len().min(length as usize);
    // SAFETY: the caller's promise; `contents` is the kernel's and does not overlap.
    unsafe { (address as *mut u8).copy_from_nonoverlapping(contents.as_ptr(), count) };
}
