//! The tables by which a loader finds a server: entries, descriptor, description.
#![expect(unsafe_code, reason = "entries receive the addresses of states as raw pointers")]

use core::{ffi::c_void, ptr::NonNull};

use warren_abi::{
    call::Ret,
    description::{self, Builder, tag},
    server::{Descriptor, Kind},
};

use crate::{
    Closing, Cx, Local, New, Required, Server, Serves, context::Access, object::LocalMemory,
    raw::Requirement,
};

/// Entry: builds the root state in place.
unsafe extern "C-unwind" fn construct<T: Server>(state: NonNull<c_void>) -> Ret {
    // SAFETY: the engine runs constructors like calls, and `New` gives no way to the state.
    let mut cx = unsafe { Cx::<New<T>>::enter(state) };
    match T::new(&mut cx) {
        Ok(value) => {
            // SAFETY: the engine gives memory of the size and alignment that the description claims.
            unsafe { state.cast::<T>().write(value) };
            Ret::ok(0)
        }
        Err(error) => Ret::refusal(error.number(), error.message()),
    }
}

/// Entry: the `start` hook.
unsafe extern "C-unwind" fn start<T: Server>(state: NonNull<c_void>) -> Ret {
    // SAFETY: the engine calls it like a service function, after `construct` succeeded.
    let mut cx = unsafe { Cx::<T>::enter(state) };
    match T::start(&mut cx) {
        Ok(()) => Ret::ok(0),
        Err(error) => Ret::refusal(error.number(), error.message()),
    }
}

/// Entry: drops the root state in place.
unsafe extern "C-unwind" fn destruct<T: Server>(state: NonNull<c_void>) -> Ret {
    // SAFETY: the engine calls it once, when no reference to an object of the instance is left.
    let mut cx = unsafe { Cx::<Closing<T>>::enter(state) };
    T::closing(&mut cx);
    // SAFETY: `construct` succeeded, and the engine does not use the state after this.
    unsafe { state.cast::<T>().drop_in_place() };
    Ret::ok(0)
}

/// Entry: drops a local server.
unsafe extern "C-unwind" fn drop_local<L: Local>(state: NonNull<c_void>) {
    // SAFETY: the engine calls it once, with an address that `spawn` gave it, when no reference is left.
    unsafe { LocalMemory::<L>::free(state.cast()) };
}

/// The kind of a service that a root provides.
#[doc(hidden)]
pub const fn root_kind<T: Server, X: ?Sized + Serves<T>>() -> Kind {
    Kind {
        service: X::ID as u64,
        entries: X::ENTRIES.as_ptr(),
        entry_count: X::ENTRIES.len() as u64,
        drop: core::ptr::null(),
    }
}

/// The kind of a local server.
#[doc(hidden)]
pub const fn local_kind<L: Local>() -> Kind {
    let entries = <L::Service as Serves<L>>::ENTRIES;
    Kind {
        service: <L::Service as crate::Service>::ID as u64,
        entries: entries.as_ptr(),
        entry_count: entries.len() as u64,
        drop: drop_local::<L> as *const c_void,
    }
}

/// The tables of a server, implemented by [`macro@crate::server`].
///
/// # Safety
///
/// `KINDS` has what `CLAIMS` lists as provisions, in that order.
#[doc(hidden)]
pub unsafe trait Tables: Server {
    /// The kinds of object.
    const KINDS: &'static [Kind];
    /// What the description says.
    const CLAIMS: Claims;
}

/// The descriptor of a server.
#[doc(hidden)]
pub const fn descriptor<T: Tables>() -> Descriptor {
    let kinds = T::KINDS;
    Descriptor {
        version: warren_abi::VERSION as u64,
        construct: construct::<T> as *const c_void,
        start: start::<T> as *const c_void,
        destruct: destruct::<T> as *const c_void,
        kinds: kinds.as_ptr(),
        kind_count: kinds.len() as u64,
    }
}

/// A provided service or a local server, as the description has it.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Provision {
    tag: u8,
    service: u32,
    flags: u8,
    name: &'static str,
    functions: &'static [(&'static str, &'static str)],
}

impl Provision {
    /// A service that the root provides.
    pub const fn root<X: ?Sized + crate::Service>() -> Self {
        Self::of::<X>(tag::PROVIDES)
    }

    /// A local server.
    pub const fn local<L: Local>() -> Self {
        Self::of::<L::Service>(tag::LOCAL)
    }

    const fn of<X: ?Sized + crate::Service>(tag: u8) -> Self {
        let flags = if X::ATOMIC { description::ATOMIC } else { 0 };
        Provision { tag, service: X::ID, flags, name: X::NAME, functions: X::FUNCTIONS }
    }
}

/// What [`macro@crate::server`] was told.
#[doc(hidden)]
pub struct Claims {
    /// Name of the server.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Services and local servers, in the order of the kinds.
    pub provisions: &'static [Provision],
    /// Accepted parameters.
    pub parameters: &'static [&'static str],
    /// Bytes of stack that an entry needs.
    pub stack: u32,
    /// Whether a panic ends the activation that it happens in, and not the server.
    pub survives_panics: bool,
}

/// Bytes that a description may have: some four hundred functions.
const DESCRIPTION_BYTES: usize = 16 * 1024;

/// The description of a server.
#[doc(hidden)]
pub const fn describe<T: Tables>() -> Builder<DESCRIPTION_BYTES> {
    let claims = &T::CLAIMS;
    let mut builder =
        Builder::new().text(tag::NAME, claims.name).text(tag::SUMMARY, claims.summary);
    let mut at = 0;
    while at < claims.provisions.len() {
        let it = claims.provisions[at];
        builder = builder.service(it.tag, it.service, it.flags, it.name, it.functions);
        at += 1;
    }
    let requirements = <T::Required as Required>::REQUIREMENTS;
    at = 0;
    while at < requirements.len() {
        builder = with_requirement(builder, requirements[at]);
        at += 1;
    }
    at = 0;
    while at < claims.parameters.len() {
        builder = builder.text(tag::PARAMETER, claims.parameters[at]);
        at += 1;
    }
    let concurrent = if <T::Access as Access>::CONCURRENT { description::CONCURRENT } else { 0 };
    let survives = if claims.survives_panics { description::SURVIVES_PANICS } else { 0 };
    let flags = concurrent | survives | description::COUNTS_OUTPUT;
    builder.attributes(flags, claims.stack, size_of::<T>(), align_of::<T>())
}

const fn with_requirement(
    builder: Builder<DESCRIPTION_BYTES>,
    it: Requirement,
) -> Builder<DESCRIPTION_BYTES> {
    let atomic = if it.atomic { description::ATOMIC } else { 0 };
    let optional = if it.optional { description::OPTIONAL } else { 0 };
    builder.requirement(it.service, atomic | optional, it.field, it.name, it.functions)
}
