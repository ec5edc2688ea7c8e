//! What lies in the state may be replaced during a call: a permanent reference there is called through `get`, and not borrowed.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::{Cx, Kept};

pub fn case(cx: &mut Cx<'_, Holder>) -> Result<(), ConsoleError> {
    let console = cx.console.as_ref().map(Kept::as_ref).unwrap();
    console.write(cx, b"text")
}

fn main() {}
