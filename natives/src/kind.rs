//! From a struct that implements a service to a kind of native, and to objects of it.
#![expect(unsafe_code, reason = "objects and their states are the engine's raw memory")]

use alloc::{boxed::Box, vec::Vec};
use core::{ffi::c_void, num::NonZeroU64};

use warren::{Concurrent, Cx, New, Object, Ref, Server, Serves, Service, StartError};
use warren_engine::{
    file::{self, SignatureText},
    instance::{Function, Instance, Kind},
    layout, native,
    reference::{instance_of, newest_frame, push_temporary, tables},
};

pub use warren_engine::platform::Platform;

/// The server that every native counts as a part of. It is never constructed.
pub struct Root;

// SAFETY: natives have no local servers of the model's making.
unsafe impl Object for Root {
    type Root = Root;
    type Access = Concurrent;
    const LOCAL: bool = false;
}

impl Server for Root {
    type Required = ();

    fn new(_: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Err(StartError::new("natives are made by the platform"))
    }
}

/// Makes structs natives: what they implement can be provided by [`create`] and [`create_local`].
#[macro_export]
macro_rules! natives {
    (for $parameter:ident: $bound:path, $type:ty) => {
        $crate::natives!(@ [$parameter: $bound] $type);
    };
    (@ [$($parameters:tt)*] $type:ty) => {
        // SAFETY: the type is no server's state, and is shared by threads like that of a concurrent one,
        // which `create` asks for.
        #[expect(unsafe_code, reason = "natives are objects by their own promise")]
        unsafe impl<$($parameters)*> ::warren::Object for $type {
            type Root = $crate::Root;
            type Access = ::warren::Concurrent;
            const LOCAL: bool = false;
        }
    };
    ($($type:ty),* $(,)?) => {
        $($crate::natives!(@ [] $type);)*
    };
}

/// What is known of a kind of natives when the platform is compiled.
struct Outline {
    id: u32,
    name: &'static str,
    atomic: bool,
    /// Names and signatures.
    functions: &'static [(&'static str, &'static str)],
    entries: &'static [*const c_void],
    drop: Option<extern "C" fn(u64)>,
}

/// Outlines of the natives of type `T` that provide `X`. They are constants, so that no code fills them in.
struct Outlines<X: ?Sized, T>(Types<X, T>);

impl<X, T> Outlines<X, T>
where
    X: ?Sized + Service + Serves<T>,
    T: Object + Sync,
{
    /// Of those that stay for good.
    const PERMANENT: Outline = Outline {
        id: X::ID,
        name: X::NAME,
        atomic: X::ATOMIC,
        functions: X::FUNCTIONS,
        entries: X::ENTRIES,
        drop: None,
    };
    /// Of those that come and go.
    const LOCAL: Outline = Outline { drop: Some(drop_state::<T>), ..Self::PERMANENT };
}

impl Outline {
    /// The kind. Its functions are agreed on with all server files. Inside `critical`.
    fn kind<P: Platform>(&self) -> &'static Kind {
        let described: Vec<file::Function> = self.functions.iter().map(describe).collect();
        let functions = described.iter().map(Function::from).collect();
        let Outline { id, name, atomic, .. } = *self;
        let service = file::Service { id, name: name.into(), atomic, functions: described };
        // SAFETY: inside `critical`.
        let agreed = unsafe { tables::<P>() }.agree_on_service(&service);
        assert!(agreed.is_ok(), "natives are made before any file is read");
        let entries: Vec<usize> = self.entries.iter().map(|entry| *entry as usize).collect();
        native::kind::<P>(id, name, atomic, functions, &entries, self.drop)
    }
}

fn describe(&(name, signature): &(&str, &str)) -> file::Function {
    let signature = SignatureText::parse(signature).expect("the trait's macro wrote it");
    file::Function { name: name.into(), signature }
}

/// An object that provides `X` and stays for good. `None` if the table is full. Inside `critical`.
pub fn create<P: Platform, X, T>(natives: &Instance, state: T) -> Option<*mut layout::Object>
where
    X: ?Sized + Service + Serves<T>,
    T: Object + Sync,
{
    let state = core::ptr::from_ref(Box::leak(Box::new(state))) as u64;
    create_permanent::<P>(natives, &Outlines::<X, T>::PERMANENT, state)
}

/// The same for a state that is there already.
fn create_permanent<P: Platform>(
    natives: &Instance,
    outline: &Outline,
    state: u64,
) -> Option<*mut layout::Object> {
    native::create_permanent::<P>(natives, outline.kind::<P>(), state)
}

extern "C" fn drop_state<T>(state: u64) {
    // SAFETY: the state was boxed by `create_local`, and nobody refers to the object any more.
    drop(unsafe { Box::from_raw(state as *mut T) });
}

/// A state that was boxed for an object, of a type that is not known any more.
#[derive(Clone, Copy)]
struct Boxed {
    state: u64,
    drop: extern "C" fn(u64),
}

impl Boxed {
    fn new<T>(state: T) -> Self {
        Boxed { state: Box::into_raw(Box::new(state)) as u64, drop: drop_state::<T> }
    }
}

/// An object of a kind that comes and goes, without a reference yet. `None` if the table is full: the state is
/// dropped then. Inside `critical`.
pub fn create_object<P: Platform, X, T>(
    natives: &Instance,
    kind: &LocalKind<X, T>,
    state: T,
) -> Option<*mut layout::Object>
where
    X: ?Sized + Service + Serves<T>,
    T: Object + Sync,
{
    create_boxed::<P>(natives, kind.kind, Boxed::new(state))
}

/// One for all types.
fn create_boxed<P: Platform>(
    natives: &Instance,
    kind: &'static Kind,
    boxed: Boxed,
) -> Option<*mut layout::Object> {
    let object = native::create::<P>(natives, kind, boxed.state);
    if object.is_none() {
        (boxed.drop)(boxed.state);
    }
    object
}

/// A new native that lives until its last reference goes, as a temporary reference of the native function
/// that runs.
///
/// # Errors
///
/// `Budget` if objects or temporaries have run out; the state is dropped then.
pub fn create_local<'f, P: Platform, X, T>(
    natives: &Instance,
    kind: &LocalKind<X, T>,
    state: T,
) -> Result<Ref<'f, X>, warren::SystemError>
where
    X: ?Sized + Service + Serves<T>,
    T: Object + Sync,
{
    let object = create_temporary::<P>(natives, kind.kind, Boxed::new(state))?;
    // SAFETY: the object provides `X`, and the activation has a temporary reference to it.
    Ok(unsafe { reference(object) })
}

/// One for all types.
fn create_temporary<P: Platform>(
    natives: &Instance,
    kind: &'static Kind,
    boxed: Boxed,
) -> Result<*mut layout::Object, warren::SystemError> {
    P::critical(|| {
        let object = create_boxed::<P>(natives, kind, boxed).ok_or(warren::SystemError::Budget)?;
        push_temporary::<P>(object, None).inspect_err(|_| take_back::<P>(object, boxed.drop))?;
        Ok(object)
    })
}

/// Takes an object back that was made just now, and that nobody knows. Inside `critical`.
fn take_back<P: Platform>(object: *mut layout::Object, drop: extern "C" fn(u64)) {
    // SAFETY: objects are valid for good, and nobody else touches this one.
    let entry = unsafe { &mut *object };
    entry.flags |= layout::Object::DEAD;
    drop(entry.state);
    // SAFETY: inside `critical`.
    let system = unsafe { tables::<P>() };
    // SAFETY: the object is dead.
    unsafe { system.recycle(object) };
}

/// A kind of natives of type `T` that provide `X` and come and go.
pub struct LocalKind<X: ?Sized, T> {
    kind: &'static Kind,
    types: Types<X, T>,
}

/// Makes a type remember two others without holding values of them.
type Types<X, T> = core::marker::PhantomData<(fn() -> *const X, fn() -> T)>;

impl<X, T> LocalKind<X, T>
where
    X: ?Sized + Service + Serves<T>,
    T: Object + Sync,
{
    /// The kind. Inside `critical`.
    pub fn new<P: Platform>() -> Self {
        let kind = Outlines::<X, T>::LOCAL.kind::<P>();
        LocalKind { kind, types: core::marker::PhantomData }
    }

    /// The state of an object, if it is of this kind.
    pub fn state<'f>(&self, reference: Ref<'f, X>) -> Option<&'f T> {
        let object = reference.word() as *const layout::Object;
        // SAFETY: a reference's word is the address of an object, which is held for `'f`.
        let object = unsafe { &*object };
        let is_ours = core::ptr::eq(object.kind, self.kind);
        // SAFETY: objects of this kind have states of this type.
        is_ours.then(|| unsafe { &*(object.state as *const T) })
    }
}

/// A reference to an object as the result of a native's function.
///
/// # Safety
///
/// The object provides `X`, and is held for `'f`.
pub unsafe fn reference<'f, X: ?Sized + Service>(object: *mut layout::Object) -> Ref<'f, X> {
    let word = NonZeroU64::new(object as u64).expect("an object has an address");
    // SAFETY: the caller's promise.
    unsafe { Ref::from_word(word) }
}

/// The instance that called the native function that runs.
pub fn caller<P: Platform>() -> &'static Instance {
    // SAFETY: the frame below the newest is its caller's activation.
    let object = unsafe { (*newest_frame::<P>().wrapping_sub(1)).object };
    // SAFETY: a frame's object is valid while the frame is there.
    unsafe { instance_of(object) }
}
