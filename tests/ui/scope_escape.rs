//! What was got in a scope must not leave it.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::{Cx, Kept};

pub fn case(cx: &mut Cx<'_, Holder>, kept: &Kept<dyn Console>) -> Result<(), ConsoleError> {
    let console = cx.scope(|cx| kept.get(cx))?;
    console.write(cx, b"text")
}

fn main() {}
