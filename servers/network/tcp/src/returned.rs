//! Segments that were sent and did not get to the other side: routers send their beginnings back, or its network layer does. What was too big for its way is sent again in
//! shorter ones, and a connection whose opening gets nowhere ends.

use alloc::rc::Rc;

use warren::Cx;
use warren_idl::{Obstacle, Packet, SinkError};
use warren_packets::{
    Bad, Buffers, Bytes,
    returned::{self, Fate},
};
use warren_tcp::{End, Flow, Sequence};

use crate::{TcpServer, stack::Stack};

/// Bytes of a segment that come back at least: ports and position (RFC 792).
const BYTES: usize = 8;

/// What is known of such a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// From where to where it was sent.
    pub flow: Flow,
    /// Its position.
    pub sequence: Sequence,
    /// What has become of it.
    pub fate: Fate,
}

impl Returned {
    /// Looks at what has come back.
    ///
    /// # Errors
    ///
    /// It is no beginning of a segment.
    pub fn read<M: Bytes>(memory: &Buffers<M>, first: &Packet) -> Result<Self, Bad> {
        let returned::Returned { network, fate, .. } = returned::read(memory, first)?;
        let [a, b, c, d, sequence @ ..] = memory.header::<BYTES>(first)?;
        let flow = Flow {
            local: network.source.ip(),
            remote: network.destination.ip(),
            local_port: u16::from_be_bytes([a, b]),
            remote_port: u16::from_be_bytes([c, d]),
        };
        Ok(Returned { flow, sequence: Sequence(u32::from_be_bytes(sequence)), fate })
    }
}

/// How a connection ends of whose opening somebody says that this was in its way.
pub fn end_by(obstacle: Obstacle) -> End {
    match obstacle {
        Obstacle::Port | Obstacle::Protocol => End::Refused,
        _ => End::Unreachable,
    }
}

/// Tells whoever has sent such a segment. Anybody can say such things; so they count only if it is on the way now (RFC 5927, sections 4.1 and 7.2).
pub fn take(cx: &mut Cx<'_, TcpServer>, first: &Packet) -> Result<(), SinkError> {
    let common = &cx.common;
    let Ok(returned) = Returned::read(&common.memory, first) else {
        common.count(|counts| counts.bad += 1);
        return Err(SinkError::NotSent);
    };
    let owner = common.ports.borrow().owner(returned.flow.local_port);
    let stack: Option<Rc<Stack>> =
        owner.and_then(|owner| cx.stacks.get(usize::from(owner))?.clone());
    match stack {
        Some(stack) if stack.hear_of(&returned) => Ok(stack.work.ring()?),
        _ => Err(SinkError::NotSent),
    }
}

#[cfg(test)]
mod tests {
    use warren_idl::Address;
    use warren_packets::testing::Plain;

    use super::*;

    #[test]
    fn what_comes_back_is_known_by_its_ports_and_its_position() {
        let memory = Buffers::new(Plain::new(1));
        let message = Packet { offset: 100, bytes: 8 + 40 + 8, network: 60, ..Packet::default() };
        let [here, there] = [1, 2].map(|number| Address::new(0xfd00 << 112 | number));
        let header = [&[0x60, 0, 0, 0, 5, 0, 6, 64], &here.bytes[..], &there.bytes].concat();
        memory.write(&message, 8, &header).unwrap();
        memory.write(&Packet { offset: 60, bytes: 40, ..message }, 0, &header).unwrap();
        memory.write(&message, 48, &[0, 7, 0xc3, 0x50, 1, 2, 3, 4]).unwrap();
        let fate = Fate::TooBig(1400);
        let first = returned::beginning(&message, 8, 40, fate).unwrap();
        let (local, remote) = (here.ip(), there.ip());
        let flow = Flow { local, remote, local_port: 7, remote_port: 50_000 };
        let expected = Returned { flow, sequence: Sequence(0x0102_0304), fate };
        assert_eq!(Returned::read(&memory, &first), Ok(expected));
        let short = Packet { bytes: 7, ..first };
        assert_eq!(Returned::read(&memory, &short), Err(Bad), "cut off");
        assert_eq!(Returned::read(&memory, &message), Err(Bad), "it has arrived");
    }
}
