//! Without the lock there is no state.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Holder>) -> u64 {
    cx.unlocked(|unlocked| unlocked.count)
}

fn main() {}
