//! What is passed does not live longer than the call.
#![allow(unused_imports)]

use warren::{Cx, service};
use warren_idl::ConsoleError;

#[service(id = 1)]
pub trait Shelf {
    fn put(cx: &mut Cx<'_, Self>, name: &'static str) -> Result<(), ConsoleError>;
}

fn main() {}
