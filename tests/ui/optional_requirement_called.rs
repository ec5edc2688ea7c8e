//! An optional requirement may be absent.

#[path = "parts/holder.rs"]
mod holder;

use holder::*;
use warren::{Cx, Optional, Required};

#[derive(Required)]
pub struct Needs {
    console: Optional<dyn Console>,
}

pub fn case(cx: &mut Cx<'_, Holder>, needs: &Needs) -> Result<(), ConsoleError> {
    needs.console.write(cx, b"text")
}

fn main() {}
