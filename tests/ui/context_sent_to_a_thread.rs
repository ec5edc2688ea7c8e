//! A context belongs to its thread.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Holder>) {
    std::thread::scope(|scope| {
        scope.spawn(|| cx.count += 1);
    });
}

fn main() {}
