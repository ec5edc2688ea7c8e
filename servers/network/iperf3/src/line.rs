//! Saying and hearing something within a time.

use alloc::{vec, vec::Vec};

use warren::{Cx, Kept, ServiceError, SystemError};
use warren_idl::{Connection, TcpError, UdpError};
use warren_waiting::until;

use crate::{
    Serving,
    protocol::{JSON_BYTES, Refusal, State},
};

/// How long a client may take to say what it has to say.
pub const PATIENCE_NS: u64 = 10_000_000_000;

/// Why a test ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The client, or the network, is gone.
    Tcp(TcpError),
    /// There can be no datagrams.
    Udp(UdpError),
    /// The client says nothing, or does not end.
    Silent,
    /// The client says what makes no sense.
    Nonsense,
    /// The client gives up.
    Terminated,
    /// The client wants what this server cannot do.
    Refused(Refusal),
}

impl From<TcpError> for Trouble {
    fn from(error: TcpError) -> Self {
        Trouble::Tcp(error)
    }
}

impl From<UdpError> for Trouble {
    fn from(error: UdpError) -> Self {
        Trouble::Udp(error)
    }
}

impl From<SystemError> for Trouble {
    fn from(error: SystemError) -> Self {
        Trouble::Tcp(error.into())
    }
}

/// What the clock shows.
pub fn now_ns(cx: &Cx<'_, Serving>) -> Result<u64, TcpError> {
    Ok(cx.req().clock.now_ns().map_err(|_| SystemError::Lost)?)
}

/// Does something that waits, but not for longer than a client may take.
pub fn within<R, E>(
    cx: &mut Cx<'_, Serving>,
    work: impl FnOnce(&mut Cx<'_, Serving>) -> Result<R, E>,
) -> Result<R, Trouble>
where
    E: ServiceError,
    Trouble: From<E>,
{
    let until_ns = now_ns(cx)? + PATIENCE_NS;
    until(cx, &cx.req().clock, until_ns, work)?.ok_or(Trouble::Silent)
}

/// Hears so many bytes. A connection that is not patient enough is not used any more, so that it does not matter what a wait that was
/// broken off has taken.
pub fn hear(
    cx: &mut Cx<'_, Serving>,
    connection: &Kept<dyn Connection>,
    bytes: &mut [u8],
) -> Result<(), Trouble> {
    within(cx, |cx| {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = cx.scope(|cx| connection.get(cx)?.read(cx, rest))? as usize;
            if count == 0 {
                return Err(TcpError::Closed);
            }
            rest = rest.get_mut(count..).unwrap_or_default();
        }
        Ok(())
    })
}

/// Hears JSON, with its length before it.
pub fn hear_json(
    cx: &mut Cx<'_, Serving>,
    connection: &Kept<dyn Connection>,
) -> Result<Vec<u8>, Trouble> {
    let mut length = [0; 4];
    hear(cx, connection, &mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > JSON_BYTES {
        return Err(Trouble::Nonsense);
    }
    let mut json = vec![0; length];
    hear(cx, connection, &mut json)?;
    Ok(json)
}

/// Says something.
pub fn say(
    cx: &mut Cx<'_, Serving>,
    connection: &Kept<dyn Connection>,
    bytes: &[u8],
) -> Result<(), Trouble> {
    within(cx, |cx| {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = cx.scope(|cx| connection.get(cx)?.write(cx, rest))? as usize;
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok::<_, TcpError>(())
    })
}

/// Says where the test stands.
pub fn say_state(
    cx: &mut Cx<'_, Serving>,
    connection: &Kept<dyn Connection>,
    state: State,
) -> Result<(), Trouble> {
    say(cx, connection, &[state.byte()])
}
