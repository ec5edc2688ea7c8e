//! The connections that are measured.

use warren::{Cx, Kept};
use warren_idl::{Connection, Readiness, TcpError};

use crate::{Serving, protocol::Counted};

/// One of them.
pub struct Stream {
    /// None once it has ended.
    connection: Option<Kept<dyn Connection>>,
    /// This side sends.
    pub is_outgoing: bool,
    /// What went through.
    pub bytes: u64,
}

impl Stream {
    /// Through which nothing went yet.
    pub fn new(connection: Kept<dyn Connection>, is_outgoing: bool) -> Self {
        Stream { connection: Some(connection), is_outgoing, bytes: 0 }
    }

    /// The connection, unless it has ended.
    pub fn connection(&self) -> Option<&Kept<dyn Connection>> {
        self.connection.as_ref()
    }

    /// What it waits for.
    pub fn interest(&self) -> u32 {
        if self.is_outgoing { Readiness::WRITABLE } else { Readiness::READABLE }
    }

    /// What went through.
    pub fn counted(&self) -> Counted {
        Counted { is_outgoing: self.is_outgoing, bytes: self.bytes, ..Counted::default() }
    }

    /// Lets a piece go through, if one can; whether one has. The piece is sent, or overwritten by what came.
    pub fn go_on(&mut self, cx: &mut Cx<'_, Serving>, piece: &mut [u8]) -> Result<bool, TcpError> {
        let Some(connection) = &self.connection else { return Ok(false) };
        let connection = connection.as_ref();
        let moved = match self.is_outgoing {
            true => connection.write_now(cx, piece),
            false => connection.read_now(cx, piece),
        };
        match moved {
            Ok(count @ 1..) => {
                self.bytes += count;
                return Ok(true);
            }
            Err(TcpError::WouldWait) => (),
            Err(error @ TcpError::System(_)) => return Err(error),
            // The client ends it, whatever the state of the test; that shows on the other connection.
            Ok(0) | Err(_) => self.connection = None,
        }
        Ok(false)
    }
}
