//! What a server requires, and what the system connected there.
//!
//! The references lie in a table of the engine's, one word each, which the instance can read. A
//! struct under `#[derive(Required)]` gives the words names and types: `cx.req().disk`.
#![expect(unsafe_code, reason = "the table's words become references by their place")]

use core::{marker::PhantomData, num::NonZeroU64, ops::Deref};

use crate::{
    Ref, Service,
    raw::{Connected, Word},
};

/// A required service. The functions of the service are its methods.
///
/// Q1: the word is a reference to an object that provides `X`, and the table of requirements holds a
/// count. The engine may replace it by another such word, and then gives the old count back only
/// when no activation of the instance is left that could have read it.
#[repr(transparent)]
pub struct Req<X: ?Sized> {
    word: Connected,
    service: PhantomData<fn() -> *const X>,
}

impl<X: ?Sized + Service> Req<X> {
    /// A temporary reference to what is connected now, to hand it on or to keep it.
    pub fn as_ref(&self) -> Ref<'_, X> {
        let word = NonZeroU64::new(self.word.word()).expect("a requirement is always connected");
        // SAFETY: the table of requirements holds a count as long as `self` can be borrowed (Q1).
        unsafe { Ref::from_word(word) }
    }
}

impl<X: ?Sized + Service> Deref for Req<X> {
    type Target = X::Stub<Connected>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        // SAFETY: a stub is transparent over its word (contract of `Service`), and this word refers to
        // an object that provides `X` (Q1).
        unsafe { &*(&raw const self.word).cast() }
    }
}

/// A required service that may be absent.
#[repr(transparent)]
pub struct Optional<X: ?Sized> {
    requirement: Req<X>,
}

impl<X: ?Sized + Service> Optional<X> {
    /// The service, if one is connected. One that is connected never becomes absent.
    pub fn get(&self) -> Option<&Req<X>> {
        (self.requirement.word.word() != 0).then_some(&self.requirement)
    }

    /// The service, or [`SystemError::Absent`].
    ///
    /// [`SystemError::Absent`]: crate::SystemError::Absent
    pub fn or_absent(&self) -> Result<&Req<X>, crate::SystemError> {
        self.get().ok_or(crate::SystemError::Absent)
    }
}

/// The requirements of a server, implemented by `#[derive(Required)]`; `()` requires nothing.
///
/// # Safety
///
/// The type is nothing but one [`Req`] or [`Optional`] for each of `REQUIREMENTS`, in that order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it requires",
    note = "put `#[derive(Required)]` on a struct of `Req<dyn Service>` and `Optional<dyn Service>`"
)]
pub unsafe trait Required: 'static {
    /// What they are.
    #[doc(hidden)]
    const REQUIREMENTS: &'static [Requirement];
}

// SAFETY: the empty tuple is nothing, for no requirement.
unsafe impl Required for () {
    const REQUIREMENTS: &'static [Requirement] = &[];
}

/// One requirement, as the description has it.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Requirement {
    /// Name of the field.
    pub field: &'static str,
    /// Whether it may be absent.
    pub optional: bool,
    /// ID of the service.
    pub service: u32,
    /// Name of the service.
    pub name: &'static str,
    /// Whether the service is atomic.
    pub atomic: bool,
    /// Functions of the service.
    pub functions: &'static [(&'static str, &'static str)],
}

impl Requirement {
    /// The requirement of a field with the type `T`.
    pub const fn of<T: RequirementField>(field: &'static str) -> Self {
        Requirement {
            field,
            optional: T::OPTIONAL,
            service: T::Service::ID,
            name: T::Service::NAME,
            atomic: T::Service::ATOMIC,
            functions: T::Service::FUNCTIONS,
        }
    }
}

/// A type that a field of requirements may have.
///
/// # Safety
///
/// The type is transparent over one word of the table.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a requirement is a `Req<dyn Service>` or an `Optional<dyn Service>`"
)]
pub unsafe trait RequirementField {
    /// The service.
    type Service: ?Sized + Service;
    /// Whether it may be absent.
    const OPTIONAL: bool;
}

macro_rules! requirement_field {
    ($type:ident, $optional:literal) => {
        // SAFETY: the type is transparent over `Connected`, which is a word.
        unsafe impl<X: ?Sized + Service> RequirementField for $type<X> {
            type Service = X;
            const OPTIONAL: bool = $optional;
        }
    };
}
requirement_field!(Req, false);
requirement_field!(Optional, true);
