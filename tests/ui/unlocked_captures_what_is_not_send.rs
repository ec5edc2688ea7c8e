//! What is counted without atomics must not be cloned without the lock.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use std::rc::Rc;

use warren::Cx;

pub fn case(cx: &mut Cx<'_, Holder>, shared: Rc<u64>) {
    cx.unlocked(|_| drop(shared.clone()));
}

fn main() {}
