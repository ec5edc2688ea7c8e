//! A local server is listed by its server.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::{Cx, local};

#[local(provides = Task, parent = Holder)]
pub struct Stranger;

impl Task for Stranger {
    fn run(_cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        Ok(0)
    }
}

pub fn case(cx: &mut Cx<'_, Holder>) {
    let _ = cx.spawn(Stranger);
}

fn main() {}
