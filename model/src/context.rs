//! The context of an activation: the one way to the server's state, and leave to call.
#![expect(unsafe_code, reason = "the context turns the state's address into borrows")]

use core::{
    ffi::c_void,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

use warren_abi::call::SystemError;

use crate::{
    ListedIn, Local, Object, Provides, Ref, Server, Service,
    object::LocalMemory,
    raw::{calls, value, word},
};

/// The context of one activation of a server with the state `S`.
///
/// It derefs to the state. Every call takes it as `&mut`, so that no borrow of the state survives one.
///
/// C1: the activation runs on this thread, and no other context of it is in use.
/// C2: if `S` gives access to a state, `state` is its address, and the activation keeps it alive. If the
/// server is serial, the thread holds its lock whenever a method of this context runs.
///
/// `'f` is the activation, or the scope, and has one exact value: temporary references of one frame
/// do not become those of another.
#[repr(transparent)]
pub struct Cx<'f, S, M = Full> {
    state: NonNull<c_void>,
    frame: PhantomData<fn(&'f ()) -> &'f ()>,
    mode: PhantomData<fn() -> (S, M)>,
}

/// The context of an activation that may make atomic calls only: that of an atomic service.
pub type AtomicCx<'f, S> = Cx<'f, S, Atomic>;

/// Mode of a context: all calls are possible.
pub struct Full(());
/// Mode of a context: only atomic calls are possible.
pub struct Atomic(());

/// In place of the state: there is none yet.
pub struct New<S>(PhantomData<S>);
/// In place of the state: no reference to the server is left, and none can be made.
pub struct Closing<S>(PhantomData<S>);
/// In place of the state: the server is not locked, so the state is out of reach.
pub struct Unlocked<S>(PhantomData<S>);

/// How activations of one server relate.
pub trait Access {
    /// Whether they run at the same time.
    #[doc(hidden)]
    const CONCURRENT: bool;
}

/// Activations exclude each other by the server's lock.
pub struct Serial(());
/// Activations run at the same time.
pub struct Concurrent(());

impl Access for Serial {
    const CONCURRENT: bool = false;
}
impl Access for Concurrent {
    const CONCURRENT: bool = true;
}

/// What a context can stand for.
#[doc(hidden)]
pub trait Activation {
    /// The server.
    type Root: Server;
}

impl<S: Object> Activation for S {
    type Root = S::Root;
}
impl<S: Server> Activation for New<S> {
    type Root = S;
}
impl<S: Server> Activation for Closing<S> {
    type Root = S;
}
impl<S: Object> Activation for Unlocked<S> {
    type Root = S::Root;
}

/// A context that gives access to a state.
#[doc(hidden)]
pub trait Stateful {
    /// The state.
    type State;
    /// Whether others may reach it at the same time.
    type Access: Access;
}

impl<S: Object> Stateful for S {
    type State = S;
    type Access = S::Access;
}
impl<S: Server> Stateful for Closing<S> {
    type State = S;
    // Nobody else is left.
    type Access = Serial;
}

impl<S: Stateful, M> Deref for Cx<'_, S, M> {
    type Target = S::State;

    #[inline]
    fn deref(&self) -> &S::State {
        // SAFETY: it is the state's address and the lock is held (C2). Every `&mut` to the state borrows
        // the one context (C1), or the server is concurrent and there are none.
        unsafe { self.state.cast().as_ref() }
    }
}

impl<S: Stateful<Access = Serial>, M> DerefMut for Cx<'_, S, M> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S::State {
        // SAFETY: it is the state's address and the lock is held (C2), and every borrow of the state
        // borrows the one context (C1).
        unsafe { self.state.cast().as_mut() }
    }
}

impl<S, M> Cx<'_, S, M> {
    /// The context at the beginning of an activation.
    ///
    /// # Safety
    ///
    /// C1 and C2 hold until the activation returns.
    #[doc(hidden)]
    #[inline]
    pub unsafe fn enter(state: NonNull<c_void>) -> Self {
        Cx { state, frame: PhantomData, mode: PhantomData }
    }
}

impl<S> Cx<'_, S> {
    /// Runs `work` with a nested frame: the temporary references that it gets are dropped at its end.
    ///
    /// For loops: without it, what each round gets would pile up until the activation returns. An atomic
    /// activation has none, for what is dropped may run a destructor, and its caller is locked.
    pub fn scope<R>(&mut self, work: impl for<'n> FnOnce(&mut Cx<'n, S>) -> R) -> R {
        // SAFETY: called from an activation (C1).
        let mark = value(unsafe { calls::scope() });
        // SAFETY: it is used in place of `self`, which stays borrowed (C1).
        let mut inner = unsafe { Cx::enter(self.state) };
        let result = work(&mut inner);
        // Without a mark the temporaries just live until the activation returns.
        if let Ok(mark) = mark {
            // SAFETY: the mark is that of the innermost scope, and `result` cannot contain a
            // reference of the scope, because it is of the same type for every `'n`.
            unsafe { calls::scope_end(mark) };
        }
        result
    }
}

impl<S> Cx<'_, S> {
    /// Runs `work`, whose calls are to be over when the clock shows `until_ns`. Those that are under way then fail with
    /// [`SystemError::Deadline`] as soon as they wait for something or call somebody, and so do those that `work` makes later.
    ///
    /// # Errors
    ///
    /// `TooDeep` if too many deadlines lie one inside another; `work` has not run then.
    pub fn until<R>(
        &mut self,
        until_ns: u64,
        work: impl FnOnce(&mut Self) -> R,
    ) -> Result<R, SystemError> {
        // SAFETY: called from an activation (C1).
        let mark = value(unsafe { calls::deadline(until_ns) })?;
        let deadline = SetDeadline(mark);
        let result = work(self);
        drop(deadline);
        Ok(result)
    }
}

/// A deadline that this activation has set. It is taken back when this is dropped: also when a panic leaves the activation.
struct SetDeadline(u64);

impl Drop for SetDeadline {
    fn drop(&mut self) {
        // SAFETY: called from the activation that set it.
        unsafe { calls::deadline_end(self.0) };
    }
}

impl<'f, S: Activation, M> Cx<'f, S, M> {
    /// What the server requires.
    #[inline]
    pub fn req(&self) -> &'f <S::Root as Server>::Required {
        // SAFETY: the table lives as long as the instance, which the activation keeps alive, and holds what
        // `Required` promises, in its order; each word has interior mutability.
        unsafe { &*(&raw const calls::REQUIRED).cast() }
    }
}

impl<'f, S: Object, M> Cx<'f, S, M> {
    /// A reference to the server's own root, as the service `X`.
    pub fn root<X: ?Sized + Service>(&self) -> Result<Ref<'f, X>, SystemError>
    where
        S::Root: Provides<X>,
    {
        // SAFETY: called from an activation (C1).
        let word = word(unsafe { calls::root(<S::Root as Provides<X>>::KIND) })?;
        // SAFETY: the root object of this kind provides `X`, and the reference is a temporary one.
        Ok(unsafe { Ref::from_word(word) })
    }

    /// Makes a local server and returns a reference to it. It lives until its last reference is dropped.
    pub fn spawn<L>(&self, local: L) -> Result<Ref<'f, L::Service>, SystemError>
    where
        L: Local<Parent = S> + ListedIn<S::Root>,
    {
        // SAFETY: it is the state of this activation (C2).
        unsafe { spawn_under::<L, S::Root>(local, self.state.cast()) }
    }
}

/// Makes a local server and returns a reference to it.
///
/// # Safety
///
/// `parent` is the state of the activation that runs, or of its root.
unsafe fn spawn_under<'f, L, R>(
    local: L,
    parent: NonNull<L::Parent>,
) -> Result<Ref<'f, L::Service>, SystemError>
where
    L: Local + ListedIn<R>,
{
    // SAFETY: the caller's promise.
    let memory = unsafe { LocalMemory::allocate(local, parent) }?;
    // SAFETY: the kind is that of `L`, and the memory starts with its state.
    let reference = word(unsafe { calls::spawn(L::KIND, memory.as_ptr().cast()) });
    match reference {
        // SAFETY: the object provides what its kind says, and the reference is a temporary one.
        Ok(word) => Ok(unsafe { Ref::from_word(word) }),
        Err(error) => {
            // SAFETY: the engine refused it, so nothing refers to it.
            unsafe { LocalMemory::free(memory) };
            Err(error)
        }
    }
}

impl<'f, S: Object> Cx<'f, S> {
    /// Runs `work` without the server's lock: for long computations and for waiting.
    ///
    /// What `work` captures must be `Send`, because it runs beside other activations of the server.
    pub fn unlocked<R>(&mut self, work: impl FnOnce(&mut Cx<'f, Unlocked<S>>) -> R + Send) -> R {
        // SAFETY: it is used in place of `self`, which stays borrowed (C1), and gives no way to the state.
        let mut inner = unsafe { Cx::enter(self.state) };
        // SAFETY: called from an activation (C1); `self` is borrowed, so nothing borrows the state.
        unsafe { calls::unlock() };
        let freed = FreedLock;
        let result = work(&mut inner);
        drop(freed);
        result
    }
}

/// The server's lock, which this activation has freed. It is taken again when this is dropped: also when a panic
/// leaves the activation, whose other destructors may need the state.
struct FreedLock;

impl Drop for FreedLock {
    fn drop(&mut self) {
        // SAFETY: the lock was freed before this was made.
        let locked = value(unsafe { calls::lock() });
        assert!(locked.is_ok(), "the server's lock cannot be taken again");
    }
}

impl<'f, L: Local, M> Cx<'f, L, M> {
    /// A reference to the local server itself.
    pub fn this(&self) -> Result<Ref<'f, L::Service>, SystemError> {
        // SAFETY: called from an activation (C1).
        let word = word(unsafe { calls::this() })?;
        // SAFETY: the activation's object is a local server of type `L`.
        Ok(unsafe { Ref::from_word(word) })
    }

    #[inline]
    fn parent_address(&self) -> NonNull<L::Parent> {
        // SAFETY: it is the state's address (C2).
        unsafe { LocalMemory::<L>::parent(self.state.cast()) }
    }
}

impl<'f, S, M> Cx<'f, S, M>
where
    S: Local<Parent = <S as Object>::Root>,
{
    /// Makes another local server of the root, which does not depend on this one, and returns a reference to it.
    pub fn spawn_beside<L>(&self, local: L) -> Result<Ref<'f, L::Service>, SystemError>
    where
        L: Local<Parent = S::Root> + ListedIn<S::Root>,
    {
        // SAFETY: it is the state of this activation's root.
        unsafe { spawn_under::<L, S::Root>(local, self.parent_address()) }
    }
}

impl<L: Local<Access = Serial>, M> Cx<'_, L, M> {
    /// The parent's state.
    #[inline]
    pub fn parent(&mut self) -> &mut L::Parent {
        self.split().1
    }

    /// The local server's state and the parent's.
    #[inline]
    pub fn split(&mut self) -> (&mut L, &mut L::Parent) {
        let mut parent = self.parent_address();
        // SAFETY: the parent lives at least as long as the local server, its state is other memory, and
        // it is guarded by the same lock (C2); every borrow of it borrows the one context (C1).
        let parent = unsafe { parent.as_mut() };
        (self, parent)
    }
}

impl<'f, S: Object<Access = Concurrent>, M> Cx<'f, S, M> {
    /// The state of a concurrent server, which may stay borrowed during calls.
    #[inline]
    pub fn state(&self) -> &'f S {
        // SAFETY: it is the state's address, the activation keeps it alive (C2), and nobody has a `&mut`.
        unsafe { self.state.cast().as_ref() }
    }
}

impl<'f, L: Local<Access = Concurrent>, M> Cx<'f, L, M> {
    /// The state of a concurrent local server's parent.
    #[inline]
    pub fn parent_state(&self) -> &'f L::Parent {
        // SAFETY: the parent lives at least as long as the local server, which the activation keeps alive
        // (C2), and nobody has a `&mut`.
        unsafe { self.parent_address().as_ref() }
    }
}
