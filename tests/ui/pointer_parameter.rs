//! A pointer means nothing elsewhere.
#![allow(unused_imports)]

use warren::{Cx, service};
use warren_idl::ConsoleError;

#[service(id = 1)]
pub trait Pointers {
    fn look(cx: &mut Cx<'_, Self>, at: *const u8) -> Result<(), ConsoleError>;
}

fn main() {}
