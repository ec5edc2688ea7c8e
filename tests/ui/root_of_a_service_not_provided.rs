//! The root is a reference to what the server provides only.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Holder>) {
    let _ = cx.root::<dyn Console>();
}

fn main() {}
