//! A structure is passed by its bytes, so it is nothing but bytes.

use warren::{Cx, service};
use warren_idl::ConsoleError;

pub struct Text(&'static str);

#[service(id = 1)]
pub trait Texts {
    fn look(cx: &mut Cx<'_, Self>, text: &Text) -> Result<(), ConsoleError>;
}

fn main() {}
