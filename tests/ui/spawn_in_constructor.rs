//! Nor can it make local servers.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::{Cx, New};

pub fn case(cx: &mut Cx<'_, New<Holder>>) {
    let _ = cx.spawn(Inner { count: 0 });
}

fn main() {}
