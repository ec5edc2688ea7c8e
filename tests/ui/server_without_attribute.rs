//! A server is a struct under `#[server]`.

use warren::{Cx, New, Server, StartError};

pub struct Bare;

impl Server for Bare {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Bare)
    }
}

fn main() {}
