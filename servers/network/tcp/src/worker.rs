//! What a principal's thread does: segments are received, time passes, segments are sent. Another thread of the principal may do the same ([`work`]).

use alloc::rc::Rc;

use warren::{Cx, Object, Serial, SystemError, local};
use warren_idl::{LogRecord, Task, ThreadError};
use warren_waiting::wait_at_until;

use crate::{
    TcpServer,
    flush::{feed, find_way, flush_at, now},
    stack::Stack,
};

/// What a principal's thread runs.
#[local(provides = Task, parent = TcpServer)]
pub struct Worker {
    stack: Rc<Stack>,
}

impl Worker {
    /// For this stack.
    pub fn new(stack: Rc<Stack>) -> Self {
        Worker { stack }
    }

    /// Does what is to be done, and waits for more.
    fn round(cx: &mut Cx<'_, Self>, stack: &Rc<Stack>) -> Result<(), SystemError> {
        if work(cx, stack)? { Ok(()) } else { Self::rest(cx, stack) }
    }

    fn rest(cx: &mut Cx<'_, Self>, stack: &Rc<Stack>) -> Result<(), SystemError> {
        let until_ns = stack.rest(now(cx)?);
        let look = |worker: &Self| worker.stack.wants_thread().then_some(());
        wait_at_until(cx, &stack.work, until_ns, look).map(drop)
    }
}

/// Hands segments that have arrived to a principal's engine, and sends what it has to say; whether more wait.
///
/// # Errors
///
/// `Deadline` and `Killed`, when the thread is not to make calls any more.
pub fn work<S>(cx: &mut Cx<'_, S>, stack: &Rc<Stack>) -> Result<bool, SystemError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    while let Some(station) = stack.stranger() {
        // Without one, what comes from there is dropped.
        find_way(cx, stack, &station).ok();
    }
    let now_ns = now(cx)?;
    let has_more = stack.receive(now_ns);
    stack.expire(now_ns);
    if stack.is_hungry() {
        feed(cx, stack, 0)?;
    }
    flush_at(cx, stack, now_ns)?;
    Ok(has_more)
}

impl Task for Worker {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let stack = cx.stack.clone();
        let end = loop {
            if let Err(error) = cx.scope(|cx| Self::round(cx, &stack)) {
                break error;
            }
        };
        cx.parent().remove_stack(&stack);
        let warning = match end {
            SystemError::Killed => None,
            SystemError::Budget => Some("a principal has no room left: its connections are over"),
            _ => Some("a principal's thread was cut off: its connections are over"),
        };
        if let Some(warning) = warning {
            cx.req().log.write(LogRecord::WARNING, warning).ok();
        }
        stack.ring()?;
        Err(end.into())
    }
}
