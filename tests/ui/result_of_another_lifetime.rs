//! A reference that comes back does not live longer than the context.
#![allow(unused_imports)]

use warren::{Cx, Ref, service};
use warren_idl::{ConsoleError, Program};

#[service(id = 1)]
pub trait Shelf {
    fn take<'a, 'f>(
        cx: &mut Cx<'f, Self>,
        other: Ref<'a, dyn Program>,
    ) -> Result<Ref<'a, dyn Program>, ConsoleError>;
}

fn main() {}
