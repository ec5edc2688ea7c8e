//! Listeners, as clients hold them.

use alloc::rc::Rc;

use warren::{Cx, Ref, local};
use warren_idl::{Connection, Listener, Poll, Readiness, TcpError};

use crate::{
    TcpServer,
    connection::OpenConnection,
    flush::wait,
    stack::{Door, Stack, Subject},
};

/// A listener.
#[local(provides = Listener, parent = TcpServer)]
pub struct OpenListener {
    stack: Rc<Stack>,
    port: u16,
    door: Door,
}

impl OpenListener {
    /// The listener at a port, for whose users `door` is.
    pub fn new(stack: &Rc<Stack>, port: u16, door: &Door) -> Self {
        OpenListener { stack: stack.clone(), port, door: door.clone() }
    }
}

impl Drop for OpenListener {
    fn drop(&mut self) {
        self.stack.unlisten(self.port);
    }
}

impl Listener for OpenListener {
    fn port(cx: &mut Cx<'_, Self>) -> Result<u16, TcpError> {
        Ok(cx.port)
    }

    fn accept<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Connection>, TcpError> {
        let door = cx.door.clone();
        loop {
            wait(cx, &door, |it| it.stack.is_acceptable(it.port))??;
            match Self::accept_now(cx) {
                // It was gone again before anybody accepted it.
                Err(TcpError::WouldWait) => (),
                accepted => return accepted,
            }
        }
    }

    fn accept_now<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Connection>, TcpError> {
        cx.stack.is_acceptable(cx.port).ok_or(TcpError::WouldWait)??;
        let stack = cx.stack.clone();
        let (name, door) = stack.accept(cx.port).ok_or(TcpError::WouldWait)?;
        Ok(cx.spawn_beside(OpenConnection::new(&stack, name, &door))?)
    }

    fn report<'f>(
        cx: &mut Cx<'f, Self>,
        poll: Ref<'f, dyn Poll>,
        tag: u64,
    ) -> Result<(), TcpError> {
        let stack = cx.stack.clone();
        stack.report(Subject::Listener(cx.port), poll.word(), tag, Readiness::READABLE)?;
        Ok(stack.ring()?)
    }
}
