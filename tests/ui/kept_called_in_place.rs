//! A permanent reference is called through `get`: what lies in the state may be replaced.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Holder>) -> Result<(), ConsoleError> {
    cx.console.as_ref().unwrap().write(cx, b"text")
}

fn main() {}
