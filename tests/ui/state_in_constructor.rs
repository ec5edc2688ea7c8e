//! A constructor has no state yet.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::{Cx, New};

pub fn case(cx: &mut Cx<'_, New<Holder>>) -> u64 {
    cx.count
}

fn main() {}
