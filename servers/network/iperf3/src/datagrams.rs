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
    arrivals::{Arrivals, Head},
    line::{Trouble, now_ns, say_state, within},
    protocol::{Arrived, Counted, Datagrams, Plan, State},
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
    /// This side sends.
    is_outgoing: bool,
    /// Bytes that went through, and count.
    bytes: u64,
    /// What came.
    arrivals: Arrivals,
    /// Datagrams that were sent, and how many of them do not count.
    sent: u64,
    omitted: u64,
}

impl Stream {
    fn is_at(&self, address: Address, port: u16) -> bool {
        (self.address, self.port) == (address, port)
    }

    /// What went through until now does not count.
    fn omit(&mut self) {
        self.bytes = 0;
        self.omitted = self.sent;
        self.arrivals.omit();
    }

    fn counted(&self) -> Counted {
        let datagrams = match self.is_outgoing {
            true => Arrived { sent: self.sent, omitted_sent: self.omitted, ..Arrived::default() },
            false => self.arrivals.counted(),
        };
        Counted { is_outgoing: self.is_outgoing, bytes: self.bytes, datagrams }
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
    Ok((elapsed_ns, test.streams.iter().map(Stream::counted).collect()))
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
            let (bytes, arrivals, sent, omitted) = (0, Arrivals::default(), 0, 0);
            self.streams.push(Stream {
                address,
                port,
                is_outgoing,
                bytes,
                arrivals,
                sent,
                omitted,
            });
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
            if times.counts_from(now_ns) {
                self.streams.iter_mut().for_each(Stream::omit);
            }
            if times.are_over(now_ns) {
                return Err(Trouble::Silent);
            }
            if look_ns <= now_ns {
                look_ns = now_ns + LOOK_NS;
                desk.turn_away(cx)?;
                match desk.next_state(cx, control)? {
                    Some(State::TestEnd) => break,
                    Some(State::ClientTerminate) => return Err(Trouble::Terminated),
                    Some(_) => return Err(Trouble::Nonsense),
                    None => (),
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
        for stream in self.streams.iter_mut().filter(|stream| stream.is_outgoing) {
            let due_ns = |sent: u64| {
                let after_ns = u128::from(sent * bits) * u128::from(SECOND_NS);
                times.start_ns + after_ns.checked_div(bits_per_second.into()).unwrap_or(0) as u64
            };
            for _ in 0..TOGETHER {
                if due_ns(stream.sent) > now_ns {
                    break;
                }
                let head = Head { sent_ns: self::now_ns(cx)?, number: stream.sent + 1 };
                head.write(&mut self.piece, wide_numbers);
                match self.socket.send(cx, &stream.address, stream.port, &self.piece) {
                    Err(error @ UdpError::System(_)) => return Err(error.into()),
                    // There is no room now.
                    Err(_) => break,
                    Ok(()) => {
                        stream.sent += 1;
                        stream.bytes += self.piece.len() as u64;
                    }
                }
            }
            next_ns = next_ns.min(due_ns(stream.sent));
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
        if let Some(head) = Head::read(data, self.kind.wide_numbers) {
            stream.arrivals.take(head, now_ns(cx)?);
            stream.bytes += bytes as u64;
        }
        Ok(true)
    }
}
