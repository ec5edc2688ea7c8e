//! Services as types: `dyn X` names the service that the trait `X` defines.
#![expect(unsafe_code, reason = "these traits promise that raw words mean what the types say")]

use core::ffi::c_void;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Object, raw::Word};

/// A service, implemented for `dyn X` by [`macro@crate::service`].
///
/// # Safety
///
/// `Stub<W>` is `repr(transparent)` over `W`, and its methods call the functions of the service with this ID.
pub unsafe trait Service: 'static {
    /// The service's number, frozen.
    const ID: u32;
    /// The trait's name.
    const NAME: &'static str;
    /// Whether calls keep the caller's lock.
    const ATOMIC: bool;
    /// Name and signature of each function.
    #[doc(hidden)]
    const FUNCTIONS: &'static [(&'static str, &'static str)];
    /// What a reference to the service derefs to: the functions as methods.
    #[doc(hidden)]
    type Stub<W: Word>;
}

/// A service as it is provided by `T`.
///
/// # Safety
///
/// `ENTRIES` are `extern "C-unwind"` functions in the order of [`Service::FUNCTIONS`], each of which takes what its
/// signature says after the address of a `T`'s state.
pub unsafe trait Serves<T: Object>: Service {
    /// The entries.
    #[doc(hidden)]
    const ENTRIES: &'static [*const c_void];
}

/// A structure that is nothing but its bytes, and so can be passed by copying them.
///
/// Implement it with an empty body; zerocopy's derives prove that it may be.
pub trait Flat: FromBytes + IntoBytes + KnownLayout + Immutable + Copy + 'static {}
