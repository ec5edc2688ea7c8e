//! For whom a thread works.

use warren::{Cx, Ref, service};

use crate::{Task, Thread, ThreadError};

/// Tells a server for whom it is called, and lets it go on for that principal when the call is over. A server that has this can spend what is others', so it must be granted.
#[service(id = 0x9c1a_0001)]
pub trait Principals {
    /// The number of the principal that the calling thread belongs to.
    fn current(cx: &mut Cx<'_, Self>) -> Result<u32, ThreadError>;
    /// Starts a thread that runs `task`, and that belongs to the same principal as the thread that calls. All else is as with
    /// [`ThreadFactory`](crate::ThreadFactory).
    fn start<'f>(
        cx: &mut Cx<'f, Self>,
        name: &str,
        task: Ref<'f, dyn Task>,
    ) -> Result<Ref<'f, dyn Thread>, ThreadError>;
}
