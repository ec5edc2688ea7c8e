//! Its calls have no context that a reference could belong to.
#![allow(unused_imports)]

use warren::{AtomicCx, Ref, service};
use warren_idl::{Console, ConsoleError};

#[service(id = 1, atomic)]
pub trait Finder {
    fn find<'f>(cx: &mut AtomicCx<'f, Self>) -> Result<Ref<'f, dyn Console>, ConsoleError>;
}

fn main() {}
