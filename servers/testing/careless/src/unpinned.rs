//! References that outlive their count.
//!
//! # Why a server may do that here
//!
//! A server in another language, or a hostile one, may call by the word of a reference that it has given away meanwhile. What is
//! tested is that the system pins by itself what is called.
#![expect(unsafe_code, reason = "that a caller breaks the model's promise is what is tested")]

use core::num::NonZeroU64;

use warren::{Ref, Service};

/// The same reference, without a count of its own.
pub fn unpinned<X: ?Sized + Service>(reference: Ref<'_, X>) -> Option<Ref<'static, X>> {
    let word = NonZeroU64::new(reference.word())?;
    // SAFETY: the word names an object that provides `X`. Whether somebody holds a count of it for as long as the result is used
    // is what the callers of this function try out: the system must end the call well in either case.
    Some(unsafe { Ref::from_word(word) })
}
