//! Echo over UDP (RFC 862): each datagram goes back to where it came from, on a thread of its own.
//!
//! What comes from a port of another echo is not sent back: two of them would go on for good.

use alloc::vec;

use warren::{Cx, local};
use warren_idl::{DATAGRAM_BYTES, Task, ThreadError, UdpError};
use warren_waiting::pause;

use crate::{Services, talk::Kind};

/// What the thread runs.
#[local(provides = Task, parent = Services)]
pub struct Echoing {}

impl Echoing {
    /// Sends back what comes, until the layer below fails.
    fn serve(cx: &mut Cx<'_, Self>) -> Result<(), UdpError> {
        let socket = cx.req().udp.open(cx, Kind::Echo.port())?;
        let mut data = vec![0; DATAGRAM_BYTES];
        loop {
            let datagram = socket.receive(cx, &mut data)?;
            if datagram.source_port == Kind::Echo.port() {
                continue;
            }
            cx.parent().datagrams += 1;
            let bytes = &data[..data.len().min(datagram.bytes as usize)];
            // A datagram that is not sent is as good as one that is lost, unless the layer below has died.
            match socket.send(cx, &datagram.source, datagram.source_port, bytes) {
                Err(UdpError::System(error)) => return Err(error.into()),
                _ => continue,
            }
        }
    }
}

impl Task for Echoing {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        loop {
            let ended = cx.scope(Self::serve);
            pause(cx, &cx.req().timer, ended)?;
        }
    }
}
