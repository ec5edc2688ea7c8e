//! Tests by datagrams: how one goes.
//!
//! A client begins each stream with a short datagram, which is answered. After that, streams are told apart by where they come from:
//! whoever sends such a datagram while streams are awaited has one, as with iperf itself.

use alloc::{vec, vec::Vec};

use warren::{Cx, Kept, Ref};
use warren_idl::{Address, Connection, DATAGRAM_BYTES, UdpError, UdpSocket};
use warren_waiting::until;

use crate::{
    Serving,
    line::{Trouble, now_ns, say_state, within},
    protocol::{Counted, Datagrams, Plan, State},
    tally::{Head, Tally},
    test::{Desk, PORT},
    times::{SECOND_NS, Times},
};

/// Bytes of the datagram that begins a stream.
const HELLO_BYTES: usize = 4;
/// What it is answered with.
const ANSWER: &[u8; HELLO_BYTES] = b"6789";
/// How often to look what the client says on the control connection, and who else comes.
const LOOK_NS: u64 = 20_000_000;
/// How long to wait at least for what comes, and how long for what is on its way when the client has ended.
const SHORTLY_NS: u64 = 50_000;
/// After how much time without a datagram none is on its way any more.
const LATE_NS: u64 = 5_000_000;
/// Datagrams of a stream that are sent before anything else is looked at.
const TOGETHER: usize = 16;

/// A stream of datagrams.
struct Stream {
    address: Address,
    port: u16,
    /// What went through.
    tally: Tally,
}

impl Stream {
    fn is_at(&self, address: Address, port: u16) -> bool {
        (self.address, self.port) == (address, port)
    }

    /// Whether this side sends it.
    fn is_outgoing(&self) -> bool {
        self.tally.counted().is_outgoing
    }
}

/// Measures: how long that took, and what each stream has brought.
pub fn measure(
    desk: &Desk,
    cx: &mut Cx<'_, Serving>,
    control: &Kept<dyn Connection>,
    plan: Plan,
    kind: Datagrams,
) -> Result<(u64, Vec<Counted>), Trouble> {
    let socket = cx.req().udp.open(cx, PORT)?;
    let (piece, data) = (vec![0; plan.piece], vec![0; DATAGRAM_BYTES]);
    let mut test = Test { plan, kind, socket, streams: Vec::new(), piece, data };
    // A datagram does not wait until somebody has the port.
    say_state(cx, control, State::CreateStreams)?;
    while test.streams.len() < plan.streams() as usize {
        test.greet(cx)?;
    }
    say_state(cx, control, State::TestStart)?;
    say_state(cx, control, State::TestRunning)?;
    let elapsed_ns = test.run(desk, cx, control)?;
    Ok((elapsed_ns, test.streams.iter().map(|stream| stream.tally.counted()).collect()))
}

struct Test<'f> {
    plan: Plan,
    kind: Datagrams,
    socket: Ref<'f, dyn UdpSocket>,
    streams: Vec<Stream>,
    /// What is sent.
    piece: Vec<u8>,
    /// What has come.
    data: Vec<u8>,
}

impl Test<'_> {
    /// Takes the next stream.
    fn greet(&mut self, cx: &mut Cx<'_, Serving>) -> Result<(), Trouble> {
        let hello = within(cx, |cx| self.socket.receive(cx, &mut self.data))?;
        let (address, port) = (hello.source, hello.source_port);
        // What is longer belongs to a test that is over.
        if hello.bytes as usize != HELLO_BYTES {
            return Ok(());
        }
        if !self.streams.iter().any(|stream| stream.is_at(address, port)) {
            // Those come first that the client sends.
            let is_outgoing = self.streams.len() >= self.plan.incoming as usize;
            self.streams.push(Stream { address, port, tally: Tally::new(is_outgoing) });
        }
        Ok(self.socket.send(cx, &address, port, ANSWER)?)
    }

    /// Lets datagrams go through until the client says that it is over; how long that took.
    fn run(
        &mut self,
        desk: &Desk,
        cx: &mut Cx<'_, Serving>,
        control: &Kept<dyn Connection>,
    ) -> Result<u64, Trouble> {
        let mut now_ns = self::now_ns(cx)?;
        let (mut times, mut look_ns) = (Times::new(self.plan, now_ns), now_ns);
        loop {
            if times.count_from(now_ns)? {
                self.streams.iter_mut().for_each(|stream| stream.tally.omit());
            }
            if look_ns <= now_ns {
                look_ns = now_ns + LOOK_NS;
                desk.turn_away(cx)?;
                if desk.is_over(cx, control)? {
                    break;
                }
            }
            let due_ns = self.send(cx, &mut times, now_ns)?.min(look_ns);
            if self.receive(cx, due_ns.max(now_ns + SHORTLY_NS))? {
                times.moved(now_ns);
            }
            now_ns = self::now_ns(cx)?;
        }
        let elapsed_ns = now_ns.saturating_sub(times.start_ns);
        // Whoever sends on is not listened to for ever.
        let end_ns = now_ns + LOOK_NS;
        while now_ns < end_ns && self.receive(cx, now_ns + LATE_NS)? {
            now_ns = self::now_ns(cx)?;
        }
        Ok(elapsed_ns)
    }

    /// Sends what is due; when the next one is.
    fn send(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        times: &mut Times,
        now_ns: u64,
    ) -> Result<u64, Trouble> {
        let Datagrams { bits_per_second, wide_numbers } = self.kind;
        let bits = self.piece.len() as u64 * 8;
        let mut next_ns = u64::MAX;
        for stream in self.streams.iter_mut().filter(|stream| stream.is_outgoing()) {
            // As much time after the beginning as those before it take.
            let due_ns = |number: u64| {
                let after_ns = u128::from((number - 1) * bits) * u128::from(SECOND_NS);
                times.start_ns + after_ns.checked_div(bits_per_second.into()).unwrap_or(0) as u64
            };
            for _ in 0..TOGETHER {
                let number = stream.tally.next();
                if due_ns(number) > now_ns {
                    break;
                }
                let head = Head { sent_ns: self::now_ns(cx)?, number };
                head.write(&mut self.piece, wide_numbers);
                match self.socket.send(cx, &stream.address, stream.port, &self.piece) {
                    Err(error @ UdpError::System(_)) => return Err(error.into()),
                    // There is no room now.
                    Err(_) => break,
                    Ok(()) => stream.tally.sent(self.piece.len()),
                }
            }
            next_ns = next_ns.min(due_ns(stream.tally.next()));
        }
        // Whether any of them comes nobody says: only what has an end may send for as long as it lasts.
        if next_ns < u64::MAX && self.plan.seconds > 0 {
            times.moved(now_ns);
        }
        Ok(next_ns)
    }

    /// Waits for a datagram; whether one has come, of whatever kind.
    fn receive(&mut self, cx: &mut Cx<'_, Serving>, until_ns: u64) -> Result<bool, Trouble> {
        let came =
            until(cx, &cx.req().clock, until_ns, |cx| self.socket.receive(cx, &mut self.data))?;
        let Some(datagram) = came else { return Ok(false) };
        let (address, port) = (datagram.source, datagram.source_port);
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.is_at(address, port))
        else {
            return Ok(true);
        };
        let bytes = datagram.bytes as usize;
        if bytes == HELLO_BYTES {
            // The answer was lost.
            self.socket.send(cx, &address, port, ANSWER)?;
            return Ok(true);
        }
        let data = self.data.get(..bytes).unwrap_or(&self.data);
        // What comes through a stream that this side sends is nobody's.
        if let Some(head) = Head::read(data, self.kind.wide_numbers)
            && !stream.is_outgoing()
        {
            stream.tally.take(head, bytes, now_ns(cx)?);
        }
        Ok(true)
    }
}
