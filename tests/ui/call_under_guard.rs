//! A lock must not be held during a call.

use warren::{Cx, Lock, New, Server, StartError, server};
use warren_idl::{Task, ThreadError};

/// Runs in several threads at a time.
#[server(provides(Task), concurrent)]
pub struct Several {
    count: Lock<u64>,
}

impl Server for Several {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Several { count: Lock::new(0) })
    }
}

impl Task for Several {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let mut count = cx.count.lock(cx);
        let this = cx.root::<dyn Task>()?;
        *count += this.run(cx)?;
        Ok(0)
    }
}

fn main() {}
