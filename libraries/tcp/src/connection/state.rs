//! The states of a connection (RFC 9293, section 3.3.2). LISTEN is no state of a connection here, but a listener of the engine.

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// SYN was sent.
    SynSent,
    /// SYN was received and sent, and is not acknowledged.
    SynReceived,
    /// Both sides send.
    Established,
    /// This side ends, which is not acknowledged.
    FinWait1,
    /// This side has ended.
    FinWait2,
    /// The other side has ended.
    CloseWait,
    /// Both sides end, this side's end is not acknowledged.
    Closing,
    /// The other side has ended before, this side's end is not acknowledged.
    LastAck,
    /// Both sides have ended; late segments are still answered.
    TimeWait,
    /// There is no connection any longer.
    Closed,
}

impl State {
    /// Whether both sides know each other's sequence numbers.
    pub fn is_synchronized(self) -> bool {
        !matches!(self, State::SynSent | State::SynReceived | State::Closed)
    }

    /// Whether the other side may send bytes.
    pub fn receives(self) -> bool {
        matches!(self, State::Established | State::FinWait1 | State::FinWait2)
    }

    /// Whether bytes of this side may be sent, or sent again.
    pub fn sends(self) -> bool {
        use State::*;
        matches!(self, Established | CloseWait | FinWait1 | Closing | LastAck)
    }
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides ended.
    Finished,
    /// The other side has no connection any longer.
    Reset,
    /// The other side answered SYN with RST, or its network layer did: nobody listens.
    Refused,
    /// The other side does not answer.
    TimedOut,
    /// SYN did not get to the other side, as somebody on its way says.
    Unreachable,
    /// This side gave it up.
    Aborted,
}
