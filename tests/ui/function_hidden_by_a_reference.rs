//! A function that a reference's own method would hide is refused.
#![allow(unused_imports)]

use warren::{Cx, service};
use warren_idl::ConsoleError;

#[service(id = 1)]
pub trait Shelf {
    fn keep(cx: &mut Cx<'_, Self>, value: u64) -> Result<(), ConsoleError>;
}

fn main() {}
