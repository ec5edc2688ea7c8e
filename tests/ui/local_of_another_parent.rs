//! A local server is spawned by its parent.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Inner>) {
    let _ = cx.spawn(Inner { count: 0 });
}

fn main() {}
