//! Nor make local servers, which would keep it.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::{Closing, Cx};

pub fn case(cx: &mut Cx<'_, Closing<Holder>>) {
    let _ = cx.spawn(Inner { count: 0 });
}

fn main() {}
