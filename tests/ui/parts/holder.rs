//! A server with something of everything, for the cases to misuse.

use warren::{Cx, Kept, Lock, New, Ref, Req, Required, Server, StartError, local, server};
#[allow(unused_imports)]
pub use warren_idl::{Clock, Console, ConsoleError, Task, ThreadError};

#[derive(Required)]
pub struct Needs {
    pub console: Req<dyn Console>,
    pub clock: Req<dyn Clock>,
}

/// Holds things.
#[server(provides(Task), locals(Inner))]
pub struct Holder {
    pub bytes: [u8; 16],
    pub console: Option<Kept<dyn Console>>,
    pub count: u64,
}

impl Server for Holder {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Holder { bytes: [0; 16], console: None, count: 0 })
    }
}

impl Task for Holder {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        cx.spawn(Inner { count: 0 })?;
        Ok(0)
    }
}

/// A part of the holder.
#[local(provides = Task, parent = Holder)]
pub struct Inner {
    pub count: u64,
}

impl Task for Inner {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        Ok(cx.parent().count)
    }
}

/// Something inside a concurrent server.
pub struct Shared {
    pub lock: Lock<u64>,
}

/// A reference for the activation of the context.
pub fn console<'f>(cx: &Cx<'f, Holder>) -> Ref<'f, dyn Console> {
    cx.req().console.as_ref()
}
