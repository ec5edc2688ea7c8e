//! What generated code needs and nobody else may use: system calls, words, descriptions.
#![expect(unsafe_code, reason = "system calls and the words of entries are raw by nature")]

use core::{
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering},
};

pub use warren_abi::{
    call::{Ret, SystemError},
    description, server, system,
};

use crate::Flat;
pub use crate::{
    requirement::{Requirement, RequirementField},
    tables::{Claims, Provision, Tables, describe, descriptor, local_kind, root_kind},
    text::Text,
};

/// The system calls, as `warren_abi::system` defines them.
///
/// # Safety
///
/// Each must be called from a server's activation, with words of the kind that the contract says.
pub mod calls {
    use core::sync::atomic::AtomicU64;

    use super::Ret;

    unsafe extern "C" {
        #[link_name = "wsys.keep"]
        pub fn keep(reference: u64) -> Ret;
        #[link_name = "wsys.release"]
        pub fn release(reference: u64) -> Ret;
        #[link_name = "wsys.pin"]
        pub fn pin(reference: u64) -> Ret;
        #[link_name = "wsys.weak"]
        pub fn weak(reference: u64) -> Ret;
        #[link_name = "wsys.upgrade"]
        pub fn upgrade(weak: u64) -> Ret;
        #[link_name = "wsys.unweak"]
        pub fn unweak(weak: u64) -> Ret;
        #[link_name = "wsys.spawn"]
        pub fn spawn(kind: u64, state: *mut u8) -> Ret;
        #[link_name = "wsys.this"]
        pub fn this() -> Ret;
        #[link_name = "wsys.root"]
        pub fn root(kind: u64) -> Ret;
        #[link_name = "wsys.scope"]
        pub fn scope() -> Ret;
        #[link_name = "wsys.scope_end"]
        pub fn scope_end(mark: u64) -> Ret;
        #[link_name = "wsys.unlock"]
        pub fn unlock() -> Ret;
        #[link_name = "wsys.lock"]
        pub fn lock() -> Ret;
        #[link_name = "wsys.yield"]
        pub fn yield_now() -> Ret;
        #[link_name = "wsys.grow"]
        pub fn grow(bytes: u64) -> Ret;
        #[link_name = "wsys.panic"]
        pub fn panic(text: *const u8, bytes: usize) -> !;
        #[link_name = "wsys.panicked"]
        pub fn panicked(text: *const u8, bytes: usize) -> Ret;
        #[link_name = "wsys.deadline"]
        pub fn deadline(until_ns: u64) -> Ret;
        #[link_name = "wsys.deadline_end"]
        pub fn deadline_end(mark: u64) -> Ret;
    }

    unsafe extern "C" {
        /// The table of required references; only its address means something.
        #[link_name = "wsys.required"]
        pub static REQUIRED: [AtomicU64; 0];
        /// The heap; only its address means something.
        #[link_name = "wsys.heap"]
        pub static HEAP: [AtomicU64; 0];
    }
}

/// A system call's value, or why there is none.
pub(crate) fn value(answer: Ret) -> Result<u64, SystemError> {
    match answer.error {
        0 => Ok(answer.value),
        error => Err(SystemError::from_number(error).unwrap_or(SystemError::BadAnswer)),
    }
}

/// A system call's value as the word of a reference.
pub(crate) fn word(answer: Ret) -> Result<NonZeroU64, SystemError> {
    NonZeroU64::new(value(answer)?).ok_or(SystemError::BadAnswer)
}

/// Where a stub finds the reference that it calls.
///
/// # Safety
///
/// The word is a reference whenever a stub calls it, or the engine refuses the call.
pub unsafe trait Word {
    /// The reference.
    fn word(&self) -> u64;
}

/// A reference that stays what it is.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Fixed(pub(crate) NonZeroU64);

// SAFETY: only the model makes one, of references.
unsafe impl Word for Fixed {
    #[inline]
    fn word(&self) -> u64 {
        self.0.get()
    }
}

/// A place in the table of requirements: the engine replaces the word when what is connected there is
/// restarted, at any time.
#[repr(transparent)]
pub struct Connected(AtomicU64);

// SAFETY: only the engine writes one: references, or 0 where nothing is connected.
unsafe impl Word for Connected {
    #[inline]
    fn word(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A value that travels in one word.
pub trait Scalar: Sized {
    /// The word; its upper bits mean nothing.
    fn to_word(self) -> u64;
    /// The value, if the word holds one.
    fn from_word(word: u64) -> Option<Self>;
}

macro_rules! integer_scalars {
    ($($integer:ty)*) => {$(
        impl Scalar for $integer {
            #[inline]
            fn to_word(self) -> u64 {
                self as u64
            }
            #[inline]
            fn from_word(word: u64) -> Option<Self> {
                Some(word as $integer)
            }
        }
    )*};
}
integer_scalars!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl Scalar for bool {
    #[inline]
    fn to_word(self) -> u64 {
        self.into()
    }
    #[inline]
    fn from_word(word: u64) -> Option<Self> {
        match word as u8 {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// A buffer that the callee reads.
///
/// # Safety
///
/// `start` and `length` are the two words of a buffer of this call, of code `i`.
#[inline]
pub unsafe fn buffer<'a>(start: *const u8, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: a buffer of a call is memory that stays and does not change while the call lasts.
    unsafe { core::slice::from_raw_parts(start, length) }
}

/// A buffer that the callee reads and writes.
///
/// # Safety
///
/// `start` and `length` are the two words of a buffer of this call, of code `b`.
#[inline]
pub unsafe fn buffer_mut<'a>(start: *mut u8, length: usize) -> &'a mut [u8] {
    if length == 0 {
        return &mut [];
    }
    // SAFETY: a buffer of a call is memory that only the callee reaches while the call lasts.
    unsafe { core::slice::from_raw_parts_mut(start, length) }
}

/// Text that the callee reads; `None` if it is not UTF-8.
///
/// # Safety
///
/// As for [`buffer`].
#[inline]
pub unsafe fn text<'a>(start: *const u8, length: usize) -> Option<&'a str> {
    // SAFETY: the caller promises what `buffer` asks for.
    core::str::from_utf8(unsafe { buffer(start, length) }).ok()
}

/// A structure that the callee reads. It is copied, so that its alignment does not matter.
///
/// # Safety
///
/// `place` is the word of a structure of this call, of code `s`.
#[inline]
pub unsafe fn structure<T: Flat>(place: *const T) -> T {
    // SAFETY: the word of a structure is the address of as many bytes as `T` has, and any bytes
    // are a `T` because it is flat.
    unsafe { place.read_unaligned() }
}

/// Hands a structure back.
///
/// # Safety
///
/// `place` is the word of a structure of this call, of code `t`.
#[inline]
pub unsafe fn put_structure<T: Flat>(place: *mut T, value: T) {
    // SAFETY: the word of a structure is the address of as many bytes as `T` has, and only the callee
    // writes them while the call lasts.
    unsafe { place.write_unaligned(value) }
}

/// A structure to be overwritten by the callee.
#[inline]
pub fn zeroed<T: Flat>() -> T {
    T::new_zeroed()
}

/// Size of a structure as it stands in a signature.
pub const fn structure_bytes<T: Flat>() -> u64 {
    assert!(size_of::<T>() <= u16::MAX as usize, "a flat structure is at most 65535 bytes long");
    size_of::<T>() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_bool_is_refused() {
        assert_eq!(bool::from_word(0xff00), Some(false));
        assert_eq!(bool::from_word(2), None);
    }

    #[test]
    fn negative_numbers_survive_the_word() {
        assert_eq!(i16::from_word((-3i16).to_word()), Some(-3));
        assert_eq!(i64::from_word(i64::MIN.to_word()), Some(i64::MIN));
    }
}
