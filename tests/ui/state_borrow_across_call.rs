//! A borrow of the state must not survive a call: the state may change there.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::Cx;

pub fn case(cx: &mut Cx<'_, Holder>) -> Result<(), ConsoleError> {
    let count = &cx.count;
    cx.req().console.write(cx, b"text")?;
    assert_eq!(*count, 0);
    Ok(())
}

fn main() {}
