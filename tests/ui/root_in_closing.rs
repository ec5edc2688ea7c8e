//! A server that is being destructed must not hand out references to itself.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::{Closing, Cx};

pub fn case(cx: &mut Cx<'_, Closing<Holder>>) {
    let _ = cx.root::<dyn Task>();
}

fn main() {}
