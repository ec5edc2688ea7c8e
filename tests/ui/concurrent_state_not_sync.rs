//! So all of it can be.

use std::cell::Cell;

use warren::{Cx, New, Server, StartError, server};
use warren_idl::{Task, ThreadError};

/// Runs in several threads at a time.
#[server(provides(Task), concurrent)]
pub struct Several {
    count: Cell<u64>,
}

impl Server for Several {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Several { count: Cell::new(0) })
    }
}

impl Task for Several {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        Ok(cx.count.get())
    }
}

fn main() {}
