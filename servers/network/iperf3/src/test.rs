//! Tests, one after the other; and those by streams of bytes.

use alloc::{collections::VecDeque, vec, vec::Vec};
use core::{cell::RefCell, convert::Infallible};

use warren::{Cx, Kept};
use warren_idl::{Connection, Listener, Poll, Readiness, TcpError};
use zerocopy::IntoBytes;

use crate::{
    Serving, datagrams,
    line::{PATIENCE_NS, Trouble, hear, hear_json, now_ns, say, say_state, within},
    protocol::{COOKIE_BYTES, Counted, Plan, Results, State, StreamResult, refusal},
    show::Last,
    stream::Stream,
    times::{SECOND_NS, Times},
};

/// Port of iperf3, of TCP and of UDP.
pub const PORT: u16 = 5201;
/// Connections that may wait.
const BACKLOG: u32 = 64;
/// Reports that are taken together.
const TOGETHER: usize = 16;
/// Clients that were told to come again later, and are not gone yet: those of more are cut off.
const DENIED: usize = 8;

/// Tags of the two connections that are no streams; those of streams are their places.
const LISTENER: u64 = u64::MAX;
const CONTROL: u64 = u64::MAX - 1;

/// Listens, and conducts a test for each client that comes, until the network is gone.
pub fn serve(cx: &mut Cx<'_, Serving>) -> Result<Infallible, TcpError> {
    let desk = cx.scope(Desk::open)?;
    loop {
        let control =
            cx.scope(|cx| desk.listener.get(cx)?.accept(cx)?.keep().map_err(TcpError::from))?;
        let conducted = cx.scope(|cx| desk.conduct(cx, &control));
        // A client that fails, or is refused, costs nothing but its test.
        if let Err(trouble) = conducted {
            cx.parent().shown.failed += 1;
            let last_word = match trouble {
                Trouble::Refused(reason) => refusal(reason).to_vec(),
                Trouble::Terminated | Trouble::Tcp(_) => Vec::new(),
                Trouble::Silent | Trouble::Nonsense | Trouble::Udp(_) => {
                    vec![State::ServerTerminate.byte()]
                }
            };
            say(cx, &control, &last_word).ok();
        }
        cx.scope(|cx| control.get(cx)?.finish(cx)).ok();
    }
}

/// Where clients come to.
pub struct Desk {
    listener: Kept<dyn Listener>,
    /// Others, who were told to come again later. They are not cut off before they can have read that.
    denied: RefCell<VecDeque<Kept<dyn Connection>>>,
}

impl Desk {
    fn open(cx: &mut Cx<'_, Serving>) -> Result<Self, TcpError> {
        let listener = cx.req().tcp.listen(cx, PORT, BACKLOG)?.keep()?;
        Ok(Desk { listener, denied: RefCell::default() })
    }

    /// A test from the first word to the last.
    fn conduct(
        &self,
        cx: &mut Cx<'_, Serving>,
        control: &Kept<dyn Connection>,
    ) -> Result<(), Trouble> {
        let mut cookie = [0; COOKIE_BYTES];
        hear(cx, control, &mut cookie)?;
        say_state(cx, control, State::ParameterExchange)?;
        let wanted = hear_json(cx, control)?;
        let plan = Plan::read(&wanted).map_err(Trouble::Refused)?;
        let (elapsed_ns, counted) = match plan.datagrams {
            Some(kind) => {
                let measured = datagrams::measure(self, cx, control, plan, kind)?;
                say_state(cx, control, State::ExchangeResults)?;
                measured
            }
            None => self.measure(cx, &cookie, control, plan)?,
        };
        let counted_ns = elapsed_ns.saturating_sub(u64::from(plan.omitted_seconds) * SECOND_NS);
        // What the client has seen is for itself to show.
        hear_json(cx, control)?;
        let results =
            (0..).zip(&counted).map(|(index, it)| StreamResult::new(index, it, counted_ns));
        say(cx, control, &Results::new(results.collect()).message())?;
        // Before the client knows that it is over, and may look.
        cx.parent().shown.add(Last::new(&counted, counted_ns));
        say_state(cx, control, State::DisplayResults)?;
        // Its last word, or its end, is all the same.
        hear(cx, control, &mut [0]).or(Ok(()))
    }

    /// Measures streams of bytes, until the client is about to say its results: how long that took, and what each of them has brought.
    fn measure(
        &self,
        cx: &mut Cx<'_, Serving>,
        cookie: &[u8; COOKIE_BYTES],
        control: &Kept<dyn Connection>,
        plan: Plan,
    ) -> Result<(u64, Vec<Counted>), Trouble> {
        say_state(cx, control, State::CreateStreams)?;
        let mut test = Test { plan, streams: Vec::new() };
        while test.streams.len() < plan.streams() as usize {
            self.accept(cx, cookie, &mut test)?;
        }
        say_state(cx, control, State::TestStart)?;
        say_state(cx, control, State::TestRunning)?;
        let elapsed_ns = self.run(cx, control, &mut test)?;
        Ok((elapsed_ns, test.streams.iter().map(Stream::counted).collect()))
    }

    /// Takes the next connection, if it belongs to the test.
    fn accept(
        &self,
        cx: &mut Cx<'_, Serving>,
        cookie: &[u8; COOKIE_BYTES],
        test: &mut Test,
    ) -> Result<(), Trouble> {
        let connection = within(cx, |cx| {
            cx.scope(|cx| self.listener.get(cx)?.accept(cx)?.keep().map_err(TcpError::from))
        })?;
        let mut other = [0; COOKIE_BYTES];
        hear(cx, &connection, &mut other)?;
        if other != *cookie {
            self.deny(cx, connection);
            return Ok(());
        }
        if test.plan.no_delay {
            cx.scope(|cx| connection.get(cx)?.set_no_delay(cx, true))?;
        }
        // Those come first that the client sends.
        let is_outgoing = test.streams.len() >= test.plan.incoming as usize;
        test.streams.push(Stream::new(connection, is_outgoing));
        Ok(())
    }

    /// Lets bytes go through the streams until the client says that it is over, and says something after that; how long the former took.
    fn run(
        &self,
        cx: &mut Cx<'_, Serving>,
        control: &Kept<dyn Connection>,
        test: &mut Test,
    ) -> Result<u64, Trouble> {
        let poll = cx.scope(|cx| self.watch(cx, control, test))?;
        let mut piece = vec![0; test.plan.piece];
        let mut times = Times::new(test.plan, now_ns(cx)?);
        loop {
            let mut reports = [Readiness::default(); TOGETHER];
            let until_ns = times.look_ns();
            let ready = poll.as_ref().wait(cx, until_ns, reports.as_mut_bytes())?;
            let now_ns = now_ns(cx)?;
            if times.count_from(now_ns)? {
                test.streams.iter_mut().for_each(|stream| stream.bytes = 0);
            }
            let reports = reports.iter().take(ready as usize);
            let Round { moved, is_heard } = self.go_on(cx, reports, test, &mut piece)?;
            if moved {
                times.moved(now_ns);
            }
            if is_heard && self.is_over(cx, control)? {
                test.take_rest(cx, &mut piece)?;
                say_state(cx, control, State::ExchangeResults)?;
                self.go_on_until_heard(cx, &poll, test, &mut piece)?;
                return Ok(now_ns.saturating_sub(times.start_ns));
            }
        }
    }

    /// Lets a piece go through each stream that is ready, and turns others away.
    fn go_on<'r>(
        &self,
        cx: &mut Cx<'_, Serving>,
        reports: impl Iterator<Item = &'r Readiness>,
        test: &mut Test,
        piece: &mut [u8],
    ) -> Result<Round, Trouble> {
        let mut round = Round::default();
        for report in reports {
            match report.tag {
                LISTENER => self.turn_away(cx)?,
                CONTROL => round.is_heard = true,
                place => {
                    if let Some(stream) = test.streams.get_mut(place as usize) {
                        round.moved |= stream.go_on(cx, piece)?;
                    }
                }
            }
        }
        Ok(round)
    }

    /// Goes on sending until the client says something. Although the test is over it reads once more from a stream, and waits until it has as many bytes as it reads at
    /// a time.
    fn go_on_until_heard(
        &self,
        cx: &mut Cx<'_, Serving>,
        poll: &Kept<dyn Poll>,
        test: &mut Test,
        piece: &mut [u8],
    ) -> Result<(), Trouble> {
        let until_ns = now_ns(cx)? + PATIENCE_NS;
        while now_ns(cx)? < until_ns {
            let mut reports = [Readiness::default(); TOGETHER];
            let ready = poll.as_ref().wait(cx, until_ns, reports.as_mut_bytes())?;
            let reports = reports.iter().take(ready as usize);
            if self.go_on(cx, reports, test, piece)?.is_heard {
                return Ok(());
            }
        }
        Err(Trouble::Silent)
    }

    /// A place to wait for everything that can happen in a test.
    fn watch(
        &self,
        cx: &mut Cx<'_, Serving>,
        control: &Kept<dyn Connection>,
        test: &Test,
    ) -> Result<Kept<dyn Poll>, TcpError> {
        let poll = cx.req().tcp.poll(cx)?;
        self.listener.get(cx)?.report(cx, poll, LISTENER)?;
        control.get(cx)?.report(cx, poll, CONTROL, Readiness::READABLE)?;
        for (place, stream) in (0..).zip(&test.streams) {
            if let Some(connection) = stream.connection() {
                connection.get(cx)?.report(cx, poll, place, stream.interest())?;
            }
        }
        Ok(poll.keep()?)
    }

    /// Whether the client says by now that the streams are over.
    pub fn is_over(
        &self,
        cx: &mut Cx<'_, Serving>,
        control: &Kept<dyn Connection>,
    ) -> Result<bool, Trouble> {
        let mut byte = [0];
        match cx.scope(|cx| control.get(cx)?.read_now(cx, &mut byte)) {
            Err(TcpError::WouldWait) => return Ok(false),
            Ok(0) => return Err(Trouble::Terminated),
            heard => heard?,
        };
        match State::of_client(byte[0]) {
            Some(State::TestEnd) => Ok(true),
            Some(State::ClientTerminate) => Err(Trouble::Terminated),
            _ => Err(Trouble::Nonsense),
        }
    }

    /// Tells whoever comes in the middle of a test that somebody else is measuring.
    pub fn turn_away(&self, cx: &mut Cx<'_, Serving>) -> Result<(), Trouble> {
        let newcomer = cx.scope(|cx| {
            let listener = self.listener.get(cx)?;
            listener.accept_now(cx)?.keep().map_err(TcpError::from)
        });
        match newcomer {
            Err(TcpError::WouldWait) => Ok(()),
            newcomer => {
                self.deny(cx, newcomer?);
                Ok(())
            }
        }
    }

    fn deny(&self, cx: &mut Cx<'_, Serving>, connection: Kept<dyn Connection>) {
        // Who hears it not even now hears it never.
        cx.scope(|cx| {
            let connection = connection.get(cx)?;
            connection.write_now(cx, &[State::AccessDenied.byte()])?;
            connection.finish(cx)
        })
        .ok();
        let mut denied = self.denied.borrow_mut();
        denied.push_back(connection);
        if denied.len() > DENIED {
            denied.pop_front();
        }
    }
}

/// What has come of reports.
#[derive(Default)]
struct Round {
    /// Bytes went through a stream.
    moved: bool,
    /// The client says something.
    is_heard: bool,
}

/// A test under way.
struct Test {
    plan: Plan,
    streams: Vec<Stream>,
}

impl Test {
    /// Takes what is still there of what the client has sent.
    fn take_rest(&mut self, cx: &mut Cx<'_, Serving>, piece: &mut [u8]) -> Result<(), TcpError> {
        for stream in self.streams.iter_mut().filter(|stream| !stream.is_outgoing) {
            while stream.go_on(cx, piece)? {}
        }
        Ok(())
    }
}
