//! What a server consists of: its root state, its local servers, and the tables that a loader reads.
#![expect(unsafe_code, reason = "entries receive the addresses of states as raw pointers")]

use core::{ffi::c_void, ptr::NonNull};

use warren_abi::{
    call::{Ret, SystemError},
    description::{self, Builder, tag},
    server::{Descriptor, Kind},
};

use crate::{
    Closing, Cx, New, Required, Serves, StartError,
    context::Access,
    raw::{Requirement, calls},
};

pub use crate::context::{Concurrent, Serial};

/// A server: a struct under [`macro@crate::server`].
pub trait Server: Object<Root = Self> {
    /// What it requires: `()` or a struct under `#[derive(Required)]`.
    type Required: Required;

    /// Builds the state. Requirements can be called; nobody can call the server yet.
    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError>;

    /// Called once after [`Server::new`]: here the server can hand out references to itself.
    fn start(_cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        Ok(())
    }

    /// Called before the state is dropped, when no reference is left. Calls are possible, but
    /// nothing that would make a new reference to the server.
    fn closing(_cx: &mut Cx<'_, Closing<Self>>) {}
}

/// A type whose values are the state of objects: implemented by [`macro@crate::server`] and
/// [`macro@crate::local`].
///
/// # Safety
///
/// `Root` is the server whose lock guards the state. If the type is a local server it is [`Local`] too,
/// and all its objects are made by [`Cx::spawn`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a server",
    note = "put `#[server(…)]` or `#[local(…)]` on the struct"
)]
pub unsafe trait Object: Sized + 'static {
    /// The server that the object is a part of.
    type Root: Server;
    /// Whether activations exclude each other.
    type Access: Access;
    /// Whether it is a local server.
    #[doc(hidden)]
    const LOCAL: bool;
}

/// A local server: a struct under [`macro@crate::local`].
///
/// # Safety
///
/// `Parent` is a part of the same root.
pub unsafe trait Local: Object {
    /// The server, or local server, that spawns it and that it keeps alive.
    type Parent: Object<Root = Self::Root, Access = Self::Access>;
    /// The service that it provides.
    type Service: ?Sized + Serves<Self>;
}

/// A local server that the server `R` lists under `locals`.
///
/// # Safety
///
/// `KIND` is its index among the kinds of `R`'s descriptor. If `R` is concurrent, `Self: Send + Sync`.
#[diagnostic::on_unimplemented(
    message = "`{R}` does not list the local server `{Self}`",
    note = "add it to `locals(…)` in the server's `#[server(…)]`"
)]
pub unsafe trait ListedIn<R> {
    /// The index.
    #[doc(hidden)]
    const KIND: u64;
}

/// A server whose root provides `X`.
///
/// # Safety
///
/// `KIND` is the index of `X` among the kinds of the server's descriptor.
#[diagnostic::on_unimplemented(
    message = "the server `{Self}` does not provide `{X}`",
    note = "add it to `provides(…)` in the server's `#[server(…)]`"
)]
pub unsafe trait Provides<X: ?Sized> {
    /// The index.
    #[doc(hidden)]
    const KIND: u64;
}

/// The memory of a local server. The engine knows the address, which is that of `state` too.
///
/// L1: `parent` is the state of the parent object, which lives at least as long: a root because the
/// engine keeps an instance that has objects, a local server because `hold` is a permanent reference.
#[repr(C)]
pub(crate) struct LocalMemory<L: Local> {
    state: L,
    parent: NonNull<L::Parent>,
    hold: u64,
}

impl<L: Local> LocalMemory<L> {
    /// Allocates the memory of a local server.
    ///
    /// # Safety
    ///
    /// `parent` is the state of the activation that runs.
    pub(crate) unsafe fn allocate(
        state: L,
        parent: NonNull<L::Parent>,
    ) -> Result<NonNull<Self>, SystemError> {
        let layout = core::alloc::Layout::new::<Self>();
        // SAFETY: the layout is not empty, because it has a pointer.
        let memory = unsafe { alloc::alloc::alloc(layout) };
        let memory = NonNull::new(memory.cast::<Self>()).ok_or(SystemError::Budget)?;
        let hold = match <L::Parent as Object>::LOCAL {
            true => hold_this(),
            false => Ok(0),
        };
        match hold {
            Ok(hold) => {
                // SAFETY: the memory is fresh and has the layout.
                unsafe { memory.write(LocalMemory { state, parent, hold }) };
                Ok(memory)
            }
            Err(error) => {
                // SAFETY: it was allocated above with this layout.
                unsafe { alloc::alloc::dealloc(memory.as_ptr().cast(), layout) };
                Err(error)
            }
        }
    }

    /// Drops a local server and frees its memory.
    ///
    /// # Safety
    ///
    /// `memory` is from [`LocalMemory::allocate`], and nothing refers to it any more.
    pub(crate) unsafe fn free(memory: NonNull<Self>) {
        // SAFETY: it was allocated by the global allocator with the layout of `Self`.
        let this = unsafe { alloc::boxed::Box::from_raw(memory.as_ptr()) };
        let hold = this.hold;
        drop(this);
        if hold != 0 {
            // SAFETY: the hold is a permanent reference (L1), and gone after this.
            unsafe { calls::release(hold) };
        }
    }

    /// The parent's state.
    ///
    /// # Safety
    ///
    /// `state` is the address of a local server's state.
    #[inline]
    pub(crate) unsafe fn parent(state: NonNull<L>) -> NonNull<L::Parent> {
        let memory = state.cast::<Self>().as_ptr();
        // SAFETY: a local server's state is the first field of its memory.
        unsafe { (*memory).parent }
    }
}

/// A permanent reference to the object of this activation.
fn hold_this() -> Result<u64, SystemError> {
    // SAFETY: called from an activation.
    let this = crate::raw::value(unsafe { calls::this() })?;
    // SAFETY: the word is a temporary reference.
    crate::raw::value(unsafe { calls::keep(this) })
}

/// Entry: builds the root state in place.
unsafe extern "C" fn construct<T: Server>(state: NonNull<c_void>) -> Ret {
    // SAFETY: the engine runs constructors like calls, and `New` gives no way to the state.
    let mut cx = unsafe { Cx::<New<T>>::enter(state) };
    match T::new(&mut cx) {
        Ok(value) => {
            // SAFETY: the engine gives memory of the size and alignment that the description claims.
            unsafe { state.cast::<T>().write(value) };
            Ret::ok(0)
        }
        Err(error) => Ret::err(error.number()),
    }
}

/// Entry: the `start` hook.
unsafe extern "C" fn start<T: Server>(state: NonNull<c_void>) -> Ret {
    // SAFETY: the engine calls it like a service function, after `construct` succeeded.
    let mut cx = unsafe { Cx::<T>::enter(state) };
    match T::start(&mut cx) {
        Ok(()) => Ret::ok(0),
        Err(error) => Ret::err(error.number()),
    }
}

/// Entry: drops the root state in place.
unsafe extern "C" fn destruct<T: Server>(state: NonNull<c_void>) -> Ret {
    // SAFETY: the engine calls it once, when no reference to an object of the instance is left.
    let mut cx = unsafe { Cx::<Closing<T>>::enter(state) };
    T::closing(&mut cx);
    // SAFETY: `construct` succeeded, and the engine does not use the state after this.
    unsafe { state.cast::<T>().drop_in_place() };
    Ret::ok(0)
}

/// Entry: drops a local server.
unsafe extern "C" fn drop_local<L: Local>(state: NonNull<c_void>) {
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
    let flags = if <T::Access as Access>::CONCURRENT { description::CONCURRENT } else { 0 };
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
