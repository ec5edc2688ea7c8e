//! Polls, as clients hold them.

use alloc::rc::Rc;

use warren::{Cx, Out, local};
use warren_idl::{Poll, Readiness, TcpError};
use warren_waiting::wait_at_until;
use zerocopy::IntoBytes;

use crate::{
    TcpServer,
    stack::{Cause, Stack, Watch},
    worker::work,
};

/// A place to wait for several connections and listeners.
#[local(provides = Poll, parent = TcpServer)]
pub struct OpenPoll {
    stack: Rc<Stack>,
    watch: Rc<Watch>,
}

impl OpenPoll {
    /// At which the principal's threads wait.
    pub fn new(stack: &Rc<Stack>, watch: &Rc<Watch>) -> Self {
        OpenPoll { stack: stack.clone(), watch: watch.clone() }
    }

    /// Waits until something is ready, and goes on with segments that arrive meanwhile; whether anything was in time.
    fn find(cx: &mut Cx<'_, Self>, until_ns: u64, most: usize) -> Result<bool, TcpError> {
        let (stack, watch) = (cx.stack.clone(), cx.watch.clone());
        let look = |it: &Self| it.stack.cause(&it.watch, most);
        loop {
            match wait_at_until(cx, &watch.bell, until_ns, look)? {
                None => return Ok(false),
                Some(Cause::Ready) => return Ok(true),
                Some(Cause::Arrivals) => {
                    let has_more = work(cx, &stack)?;
                    // However much arrives, whoever waits hears of it.
                    if stack.ready(&watch, most).is_some() {
                        if has_more {
                            stack.work.ring()?;
                        }
                        return Ok(true);
                    }
                }
            }
        }
    }
}

impl Drop for OpenPoll {
    fn drop(&mut self) {
        self.stack.remove_watch(&self.watch);
    }
}

impl Poll for OpenPoll {
    fn wait(cx: &mut Cx<'_, Self>, until_ns: u64, mut records: Out<'_>) -> Result<u64, TcpError> {
        let most = records.len() / size_of::<Readiness>();
        if most == 0 {
            return Err(TcpError::BadLength);
        }
        let found = Self::find(cx, until_ns, most);
        if found != Ok(true) {
            // Segments may have been left to this thread.
            if cx.stack.wants_thread() {
                cx.stack.work.ring()?;
            }
            found?;
            return Ok(0);
        }
        let ready = cx.watch.found();
        records.fill_from(ready.as_bytes());
        Ok(ready.len() as u64)
    }
}
