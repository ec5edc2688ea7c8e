//! Polls, as clients hold them.

use alloc::rc::Rc;

use warren::{Cx, Out, local};
use warren_idl::{Poll, Readiness, TcpError};
use warren_waiting::{until, wait_at};
use zerocopy::IntoBytes;

use crate::{
    TcpServer,
    stack::{Stack, Watch},
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
        let watch = cx.watch.clone();
        let look = |it: &Self| it.stack.ready(&it.watch, most);
        // Whoever finds something at once need not have a deadline.
        let found = match look(cx) {
            None => until(cx, &cx.req().clock, until_ns, |cx| wait_at(cx, &watch.bell, look))?,
            found => found,
        };
        if found.is_none() {
            return Ok(0);
        }
        let ready = watch.found();
        records.fill_from(ready.as_bytes());
        Ok(ready.len() as u64)
    }
}
