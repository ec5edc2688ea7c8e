//! Nor a borrow of it.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Holder>) {
    let count = &mut cx.count;
    cx.unlocked(|_| *count += 1);
}

fn main() {}
