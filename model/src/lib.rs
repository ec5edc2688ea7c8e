//! What a Warren server is written with.
//!
//! A server is a struct, its private data, under [`macro@server`]; it implements [`Server`] and the
//! services that it provides. A thread that calls one of these services runs an *activation* of
//! the server, and every activation has one context, [`Cx`].
//!
//! # The rule
//!
//! A server is locked while a thread runs in it and unlocked at each call that leaves it. So a call takes
//! `&mut cx`, and the state is only reached through `cx`: no borrow of the state can be alive where
//! another thread might enter. Whoever reads a function sees every such place: it says `cx`. A helper
//! without `cx`, a plain `&mut self` method, is a critical section.
//!
//! | type | what it is | how long it lives |
//! | --- | --- | --- |
//! | [`Ref`] | temporary reference | the activation, or the innermost [`Cx::scope`] |
//! | [`Kept`] | permanent reference | until dropped; lies in the state |
//! | [`Weak`] | does not keep its target alive | until dropped; [`Weak::upgrade`] can fail |
//! | [`Req`], [`Optional`] | what the system connected | the instance; [`Cx::req`] |
//! | [`Out`] | buffer of the caller that is only written | the activation |
//! | [`Lock`] | a lock inside a concurrent server | its guard ends before the next call |
//! | [`Mapping`] | memory that a device or another server may change | the instance |
//!
//! An *atomic* service keeps its caller's lock, so its calls take no `cx` and its functions get an
//! [`AtomicCx`], with which no other calls can be made.
//!
//! # Frequent compiler errors
//!
//! *lifetime may not live long enough … must outlive `'static`*: a temporary reference is put into the
//! state. [`Ref::keep`] makes it permanent. *cannot borrow `*cx` as mutable*: a borrow of the state,
//! or a guard, would survive a call. Copy what the call needs, or take it out of the state meanwhile.
#![no_std]

extern crate alloc;

mod buffer;
mod context;
mod cycles;
mod error;
mod lock;
mod mapping;
mod object;
#[doc(hidden)]
pub mod raw;
mod reference;
mod requirement;
mod service;
mod tables;
mod text;

pub use buffer::Out;
pub use context::{Atomic, AtomicCx, Closing, Cx, Full, New, Unlocked};
pub use cycles::cycles;
pub use error::{ServiceError, StartError};
pub use lock::{Guard, Lock};
pub use mapping::Mapping;
pub use object::{Concurrent, ListedIn, Local, Object, Provides, Serial, Server};
pub use reference::{Kept, Ref, Weak};
pub use requirement::{Optional, Req, Required};
pub use service::{Flat, Serves, Service};
pub use warren_abi::call::SystemError;
pub use warren_macros::{Required, errors, local, server, service};
