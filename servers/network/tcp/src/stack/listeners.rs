//! The listeners of a principal.

use alloc::vec::Vec;

use warren_idl::{ListenerStatus, TcpError};
use warren_tcp::Name;

use super::{Door, Listener, Stack};

impl Stack {
    /// Lets connections come to a port, or to any.
    pub fn listen(&self, port: u16, backlog: u32) -> Result<(u16, Door), TcpError> {
        if self.inner.borrow().is_over {
            return Err(TcpError::Closed);
        }
        let port = self.common.ports.borrow_mut().listen(port, self.owner);
        let port = port.ok_or(TcpError::InUse)?;
        let inner = &mut *self.inner.borrow_mut();
        if inner.engine.listen((port, None), backlog).is_err() {
            self.common.ports.borrow_mut().unlisten(port);
            return Err(TcpError::InUse);
        }
        let door = Door::default();
        inner.listeners.insert(port, Listener { door: door.clone(), report: None, seen: 0 });
        Ok((port, door))
    }

    /// The last reference to a listener is gone.
    pub fn unlisten(&self, port: u16) {
        let inner = &mut *self.inner.borrow_mut();
        inner.listeners.remove(&port);
        inner.unlistened.push(port);
    }

    /// Takes a connection that came to a port.
    pub fn accept(&self, port: u16) -> Option<(Name, Door)> {
        let (name, _) = self.inner.borrow_mut().engine.accept((port, None))?;
        Some((name, self.use_connection(name)))
    }

    /// Whether a connection waits at a port, or none will ever come.
    pub fn is_acceptable(&self, port: u16) -> Option<Result<(), TcpError>> {
        let inner = self.inner.borrow();
        if inner.is_over {
            return Some(Err(TcpError::Closed));
        }
        let mut all = inner.engine.listeners();
        let waiting = all.find(|((other, _), ..)| *other == port).map_or(0, |(_, count, _)| count);
        (waiting > 0).then_some(Ok(()))
    }

    /// How all listeners stand.
    pub fn listeners(&self) -> Vec<ListenerStatus> {
        let inner = self.inner.borrow();
        let all = inner.engine.listeners();
        all.map(|((port, _), waiting, arrivals)| ListenerStatus {
            port: port.into(),
            principal: self.principal,
            waiting: waiting as u32,
            reserved: 0,
            connections: arrivals.connections,
            cookies: arrivals.cookies,
            dropped: arrivals.dropped,
        })
        .collect()
    }
}
