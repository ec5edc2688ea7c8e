//! A call that is not atomic needs the context.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Holder>) -> Result<(), ConsoleError> {
    cx.req().console.write(b"text")
}

fn main() {}
