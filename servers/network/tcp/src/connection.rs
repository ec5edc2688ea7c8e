//! Connections, as clients hold them.

use alloc::rc::Rc;

use warren::{Cx, Out, Ref, local};
use warren_idl::{Connection, ConnectionStatus, Poll, TcpError};
use warren_tcp::Name;

use crate::{
    TcpServer,
    flush::{feed, flush, now, wait},
    stack::{Door, Stack, Subject},
};

/// A connection.
#[local(provides = Connection, parent = TcpServer)]
pub struct OpenConnection {
    stack: Rc<Stack>,
    name: Name,
    door: Door,
}

impl OpenConnection {
    /// The connection of this name, for whose users `door` is.
    pub fn new(stack: &Rc<Stack>, name: Name, door: &Door) -> Self {
        OpenConnection { stack: stack.clone(), name, door: door.clone() }
    }

    /// Copies what is there, and lets the other side know that there is room again.
    fn take(cx: &mut Cx<'_, Self>, buffer: &mut Out<'_>) -> Result<u64, TcpError> {
        let (stack, name) = (cx.stack.clone(), cx.name);
        let count = stack.read(name, buffer)?;
        if count > 0 {
            // The bytes are the caller's now, also if its time is over: it learns that by its next call.
            flush(cx, &stack).ok();
        }
        Ok(count)
    }

    /// Copies what there is room for, and sends it. `WouldWait` if there turns out to be none.
    fn put(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<u64, TcpError> {
        let (stack, name) = (cx.stack.clone(), cx.name);
        let missing = stack.missing(name, bytes.len());
        if missing > 0 {
            feed(cx, &stack, missing)?;
        }
        let count = stack.write(name, bytes)?;
        if count == 0 {
            stack.starve_unless_full(name);
            // Those for whom there are buffers again are told, although nothing is sent.
            stack.ring()?;
            if stack.wants_thread() {
                stack.work.ring()?;
            }
            return Err(TcpError::WouldWait);
        }
        // The bytes are on their way, also if the caller's time is over: it would send them again.
        flush(cx, &stack).ok();
        Ok(count as u64)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.stack.leave(self.name);
    }
}

impl Connection for OpenConnection {
    fn read(cx: &mut Cx<'_, Self>, mut buffer: Out<'_>) -> Result<u64, TcpError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let door = cx.door.clone();
        wait(cx, &door, |it| it.stack.is_readable(it.name))??;
        Self::take(cx, &mut buffer)
    }

    fn read_now(cx: &mut Cx<'_, Self>, mut buffer: Out<'_>) -> Result<u64, TcpError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        cx.stack.is_readable(cx.name).ok_or(TcpError::WouldWait)??;
        Self::take(cx, &mut buffer)
    }

    fn write(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<u64, TcpError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let door = cx.door.clone();
        loop {
            wait(cx, &door, |it| it.stack.is_writable(it.name))??;
            match Self::put(cx, bytes) {
                Err(TcpError::WouldWait) => (),
                written => return written,
            }
        }
    }

    fn write_now(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<u64, TcpError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        cx.stack.is_writable(cx.name).ok_or(TcpError::WouldWait)??;
        Self::put(cx, bytes)
    }

    fn finish(cx: &mut Cx<'_, Self>) -> Result<(), TcpError> {
        let stack = cx.stack.clone();
        stack.finish(cx.name)?;
        Ok(flush(cx, &stack)?)
    }

    fn abort(cx: &mut Cx<'_, Self>) -> Result<(), TcpError> {
        let (stack, now_ns) = (cx.stack.clone(), now(cx)?);
        stack.abort(now_ns, cx.name)?;
        Ok(flush(cx, &stack)?)
    }

    fn set_no_delay(cx: &mut Cx<'_, Self>, no_delay: bool) -> Result<(), TcpError> {
        let stack = cx.stack.clone();
        stack.set_no_delay(cx.name, no_delay)?;
        Ok(flush(cx, &stack)?)
    }

    fn set_keep_alive(cx: &mut Cx<'_, Self>, keep_alive: bool) -> Result<(), TcpError> {
        let stack = cx.stack.clone();
        stack.set_keep_alive(cx.name, keep_alive)?;
        Ok(flush(cx, &stack)?)
    }

    fn status(cx: &mut Cx<'_, Self>) -> Result<ConnectionStatus, TcpError> {
        cx.stack.status(cx.name)
    }

    fn report<'f>(
        cx: &mut Cx<'f, Self>,
        poll: Ref<'f, dyn Poll>,
        tag: u64,
        interest: u32,
    ) -> Result<(), TcpError> {
        let stack = cx.stack.clone();
        stack.report(Subject::Connection(cx.name), poll.word(), tag, interest)?;
        Ok(stack.ring()?)
    }
}
