//! An atomic service has an atomic context.
#![allow(unused_imports)]

use warren::{Cx, service};
use warren_idl::ConsoleError;

#[service(id = 1, atomic)]
pub trait Plain {
    fn look(cx: &mut Cx<'_, Self>) -> Result<(), ConsoleError>;
}

fn main() {}
