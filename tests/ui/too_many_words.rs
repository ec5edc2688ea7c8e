//! A call carries thirteen words.
#![allow(unused_imports)]

use warren::{Cx, service};
use warren_idl::ConsoleError;

#[service(id = 1)]
pub trait Wide {
    fn look(
        cx: &mut Cx<'_, Self>,
        a: &[u8],
        b: &[u8],
        c: &[u8],
        d: &[u8],
        e: &[u8],
        f: &[u8],
        g: &[u8],
    ) -> Result<(), ConsoleError>;
}

fn main() {}
