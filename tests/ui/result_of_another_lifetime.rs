//! A reference that comes back does not live longer than the context.
#![allow(unused_imports)]

use warren::{Cx, Ref, service};
use warren_idl::{ConsoleError, Task};

#[service(id = 1)]
pub trait Shelf {
    fn take<'a, 'f>(
        cx: &mut Cx<'f, Self>,
        other: Ref<'a, dyn Task>,
    ) -> Result<Ref<'a, dyn Task>, ConsoleError>;
}

fn main() {}
