//! References: temporary, permanent, weak.
//!
//! A reference's word belongs to the engine; nothing here looks behind it. What counts is who holds
//! a count: a [`Ref`] none of its own (the activation does, or the caller), a [`Kept`] one permanent
//! count, a [`Weak`] one weak count.
#![expect(unsafe_code, reason = "counts are taken and given back by system calls")]

use core::{marker::PhantomData, num::NonZeroU64, ops::Deref};

use warren_abi::call::SystemError;

use crate::{
    Cx, Service,
    raw::{Fixed, calls, word},
};

/// A temporary reference to an object that provides `X`, for the activation or scope `'f`.
///
/// The functions of the service are its methods.
///
/// R1: the word is a reference to an object that provides `X`, and somebody holds a count for `'f`.
#[repr(transparent)]
pub struct Ref<'f, X: ?Sized> {
    word: Fixed,
    frame: PhantomData<&'f ()>,
    service: PhantomData<fn() -> *const X>,
}

impl<X: ?Sized> Clone for Ref<'_, X> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<X: ?Sized> Copy for Ref<'_, X> {}

impl<X: ?Sized + Service> Ref<'_, X> {
    /// Makes a reference of a word.
    ///
    /// # Safety
    ///
    /// R1 holds for the lifetime that the result is given.
    #[doc(hidden)]
    #[inline]
    pub unsafe fn from_word(word: NonZeroU64) -> Self {
        Ref { word: Fixed(word), frame: PhantomData, service: PhantomData }
    }

    /// The word.
    #[doc(hidden)]
    #[inline]
    pub fn word(self) -> u64 {
        self.word.0.get()
    }

    /// A permanent reference to the same object, to be stored in the state.
    pub fn keep(self) -> Result<Kept<X>, SystemError> {
        // SAFETY: the word is a reference (R1).
        let word = word(unsafe { calls::keep(self.word()) })?;
        Ok(Kept { word: Fixed(word), service: PhantomData })
    }

    /// A weak reference to the same object.
    pub fn weak(self) -> Result<Weak<X>, SystemError> {
        // SAFETY: the word is a reference (R1).
        let word = word(unsafe { calls::weak(self.word()) })?;
        Ok(Weak { word, service: PhantomData })
    }
}

impl<X: ?Sized + Service> Deref for Ref<'_, X> {
    type Target = X::Stub<Fixed>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        // SAFETY: a stub is transparent over its word (contract of `Service`), and this word refers to
        // an object that provides `X` (R1).
        unsafe { &*(&raw const self.word).cast() }
    }
}

/// A permanent reference to an object that provides `X`. Dropping it gives it back.
///
/// What lies in the state is called through [`Kept::get`], which pins the target: during a call another thread may replace it. What does not, such as
/// what lies in an `Rc` of which the caller has a clone, can be borrowed for a call by [`Kept::as_ref`], which costs nothing.
///
/// K1: the word is a reference to an object that provides `X`, and this value owns one permanent count.
pub struct Kept<X: ?Sized> {
    word: Fixed,
    service: PhantomData<fn() -> *const X>,
}

impl<X: ?Sized + Service> Kept<X> {
    /// A temporary reference to the same object.
    pub fn get<'f, S, M>(&self, _cx: &Cx<'f, S, M>) -> Result<Ref<'f, X>, SystemError> {
        // SAFETY: the word is a reference (K1).
        let word = word(unsafe { calls::pin(self.word.0.get()) })?;
        // SAFETY: the pin holds a count for the activation or scope that `'f` stands for, and the object
        // provides `X` (K1).
        Ok(unsafe { Ref::from_word(word) })
    }

    /// A temporary reference to the same object, for as long as this value is borrowed.
    #[inline]
    pub fn as_ref(&self) -> Ref<'_, X> {
        // SAFETY: this value holds a count while it is borrowed, and the object provides `X` (K1).
        unsafe { Ref::from_word(self.word.0) }
    }

    /// A weak reference to the same object.
    pub fn weak(&self) -> Result<Weak<X>, SystemError> {
        self.as_ref().weak()
    }
}

impl<X: ?Sized> Drop for Kept<X> {
    fn drop(&mut self) {
        // SAFETY: this value owns the count (K1), and is gone after this. The target is not destructed
        // here but after the activation.
        unsafe { calls::release(self.word.0.get()) };
    }
}

/// A reference that does not keep its target alive.
///
/// W1: the word names an object that provides `X`, dead or alive, and this value owns one weak count.
pub struct Weak<X: ?Sized> {
    word: NonZeroU64,
    service: PhantomData<fn() -> *const X>,
}

impl<X: ?Sized + Service> Weak<X> {
    /// A temporary reference, or [`SystemError::Gone`].
    pub fn upgrade<'f, S, M>(&self, _cx: &Cx<'f, S, M>) -> Result<Ref<'f, X>, SystemError> {
        // SAFETY: the word names an object whose entry is not used again (W1).
        let word = word(unsafe { calls::upgrade(self.word.get()) })?;
        // SAFETY: the result is a temporary reference of the activation or scope that `'f` stands for,
        // and the object provides `X` (W1).
        Ok(unsafe { Ref::from_word(word) })
    }
}

impl<X: ?Sized> Drop for Weak<X> {
    fn drop(&mut self) {
        // SAFETY: this value owns the weak count (W1), and is gone after this.
        unsafe { calls::unweak(self.word.get()) };
    }
}

macro_rules! show_as_name {
    ($($type:ident<$($lifetime:lifetime,)? X>),*) => {$(
        impl<X: ?Sized + Service> core::fmt::Debug for $type<$($lifetime,)? X> {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(formatter, concat!(stringify!($type), "<{}>"), X::NAME)
            }
        }
    )*};
}
show_as_name!(Ref<'_, X>, Kept<X>, Weak<X>);
