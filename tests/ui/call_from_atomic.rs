//! An atomic service makes atomic calls only: its caller is locked.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::AtomicCx;

pub fn case(cx: &mut AtomicCx<'_, Holder>) -> Result<(), ConsoleError> {
    cx.req().console.write(cx, b"text")
}

fn main() {}
