//! A borrow of the parent's state must not survive a call either.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Inner>) -> Result<(), ConsoleError> {
    let (inner, parent) = cx.split();
    cx.req().console.write(cx, b"text")?;
    inner.count += parent.count;
    Ok(())
}

fn main() {}
