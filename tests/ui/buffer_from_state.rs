//! A buffer in the state must not be handed to a call: others could change it meanwhile.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Holder>) -> Result<u64, ConsoleError> {
    cx.req().console.read(cx, &mut cx.bytes)
}

fn main() {}
