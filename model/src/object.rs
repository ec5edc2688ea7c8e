//! What a server consists of: its root state and its local servers.
#![expect(unsafe_code, reason = "a local server lies in memory that only the engine points to")]

use core::ptr::NonNull;

use warren_abi::call::SystemError;

use crate::{Closing, Cx, New, Required, Serves, StartError, context::Access, raw::calls};

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
    hold: Option<Hold>,
}

/// A permanent reference to a parent that is a local server itself.
struct Hold(u64);

impl Drop for Hold {
    fn drop(&mut self) {
        // SAFETY: the word is a permanent reference of this value's own, and gone after this.
        unsafe { calls::release(self.0) };
    }
}

impl<L: Local> LocalMemory<L> {
    /// Allocates the memory of a local server.
    ///
    /// # Safety
    ///
    /// `parent` is the state of the activation that runs, or of its root.
    pub(crate) unsafe fn allocate(
        state: L,
        parent: NonNull<L::Parent>,
    ) -> Result<NonNull<Self>, SystemError> {
        let layout = core::alloc::Layout::new::<Self>();
        // SAFETY: the layout is not empty, because it has a pointer.
        let memory = unsafe { alloc::alloc::alloc(layout) };
        let memory = NonNull::new(memory.cast::<Self>()).ok_or(SystemError::Budget)?;
        let hold = <L::Parent as Object>::LOCAL.then(hold_this).transpose();
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
        drop(unsafe { alloc::boxed::Box::from_raw(memory.as_ptr()) });
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
fn hold_this() -> Result<Hold, SystemError> {
    // SAFETY: called from an activation.
    let this = crate::raw::value(unsafe { calls::this() })?;
    // SAFETY: the word is a temporary reference.
    crate::raw::value(unsafe { calls::keep(this) }).map(Hold)
}
