//! What servers list, one entry after the other.

use alloc::string::String;
use alloc::vec::Vec;

/// All entries of a list that ends with an entry of zeroes; `entry` gets that of an index.
///
/// # Errors
///
/// The first error of `entry`.
pub fn all<T: Default + PartialEq, E>(
    mut entry: impl FnMut(u32) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let mut all = Vec::new();
    loop {
        match entry(all.len() as u32)? {
            none if none == T::default() => return Ok(all),
            one => all.push(one),
        }
    }
}

/// All that `next` gets until it fails with `end`; it is told how much it has got.
///
/// # Errors
///
/// The first other error of `next`.
pub fn until<T, E: PartialEq>(
    end: E,
    mut next: impl FnMut(u32) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let mut all = Vec::new();
    loop {
        match next(all.len() as u32) {
            Ok(one) => all.push(one),
            Err(error) if error == end => return Ok(all),
            Err(error) => return Err(error),
        }
    }
}

/// The texts, with a zero byte between them, that a server says it has put into the first `bytes` of a buffer: as much of them as there was
/// room for.
pub fn texts<const N: usize>(buffer: &[u8], bytes: u32) -> [String; N] {
    let known = &buffer[..buffer.len().min(bytes as usize)];
    let mut parts = known.split(|byte| *byte == 0);
    core::array::from_fn(|_| String::from_utf8_lossy(parts.next().unwrap_or_default()).into())
}
