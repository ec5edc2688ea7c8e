//! From a service's trait and a list of functions to a kind of native.

use alloc::vec::Vec;

use warren::Service;
use warren_abi::call::{Ret, SystemError};
use warren_engine::{
    file::{self, SignatureText},
    instance::{Function, Kind},
    layout::Object,
    native,
    reference::{newest_frame, refuse},
};

use crate::{
    cpu::interrupts,
    system::{self, Kernel},
};

/// The addresses of functions, in the order of the service.
macro_rules! entries {
    ($($function:path),* $(,)?) => {
        &[$($function as *const () as usize),*]
    };
}

pub(super) use entries;

/// The kind of natives that provide `S` by these functions. Local ones have a `drop`.
pub fn kind<S: Service + ?Sized>(
    entries: &[usize],
    drop: Option<extern "C" fn(u64)>,
) -> &'static Kind {
    assert_eq!(entries.len(), S::FUNCTIONS.len(), "{} has other functions", S::NAME);
    let described: Vec<_> = S::FUNCTIONS.iter().map(describe).collect();
    let functions = described.iter().map(Function::from).collect();
    let service =
        file::Service { id: S::ID, name: S::NAME.into(), atomic: S::ATOMIC, functions: described };
    let agreed = interrupts::off(|| system::tables().agree_on_service(&service));
    agreed.expect("no file has said anything yet");
    native::kind(S::ID, S::NAME, S::ATOMIC, functions, entries, drop)
}

fn describe(&(name, signature): &(&str, &str)) -> file::Function {
    let signature = SignatureText::parse(signature).expect("the trait's macro wrote it");
    file::Function { name: name.into(), signature }
}

/// A new local native, as the result of a call.
pub fn answer_new(kind: &'static Kind, state: u64) -> Ret {
    match new_object(kind, state) {
        Some(object) => Ret::ok(object as u64),
        None => {
            drop_state(kind, state);
            refuse(SystemError::Budget)
        }
    }
}

/// A new local native without a reference yet.
pub fn new_object(kind: &'static Kind, state: u64) -> Option<*mut Object> {
    interrupts::off(|| native::create::<Kernel>(super::instance(), kind, state))
}

/// What would have happened when the last reference went.
#[expect(unsafe_code, reason = "calls an entry by its address")]
fn drop_state(kind: &'static Kind, state: u64) {
    // SAFETY: the hidden entry of a local kind is the `drop` that it was made with.
    let drop: extern "C" fn(u64) =
        unsafe { core::mem::transmute(kind.entries[kind.drop_entry()] as *const ()) };
    drop(state);
}

/// The instance that called the native that runs.
#[expect(unsafe_code, reason = "frames are raw memory")]
pub fn caller() -> &'static warren_engine::instance::Instance {
    // SAFETY: the frame below the newest is its caller's activation; its object and instance stay
    // valid while it is there.
    unsafe { &*(*(*newest_frame::<Kernel>().sub(1)).object).instance }
}

/// A service's own error as the result of a call.
pub fn fail(error: impl warren::ServiceError) -> Ret {
    Ret::err(error.number())
}
