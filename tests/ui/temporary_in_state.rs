//! A temporary reference must not enter the state: `keep` makes it permanent.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::{Cx, Ref};

pub struct Leak {
    console: Option<Ref<'static, dyn Console>>,
}

pub fn case(cx: &mut Cx<'_, Holder>, leak: &mut Leak) {
    leak.console = Some(console(cx));
}

fn main() {}
