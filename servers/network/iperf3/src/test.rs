//! Tests, one after the other.

use alloc::{collections::VecDeque, vec, vec::Vec};
use core::convert::Infallible;

use warren::{Cx, Kept};
use warren_idl::{Connection, Listener, Poll, Readiness, TcpError};
use warren_waiting::until;
use zerocopy::IntoBytes;

use crate::{
    Serving,
    line::{PATIENCE_NS, Trouble, hear, hear_json, now_ns, say, say_state, within},
    protocol::{COOKIE_BYTES, Plan, Results, State, StreamResult, refusal},
    show::Last,
    stream::Stream,
};

/// Port of iperf3.
const PORT: u16 = 5201;
/// Connections that may wait.
const BACKLOG: u32 = 64;
/// How long nothing may go through the streams of a test.
const SILENCE_NS: u64 = 60_000_000_000;
/// Reports that are taken together.
const TOGETHER: usize = 16;
/// Clients that were told to come again later, and are not gone yet: those of more are cut off.
const DENIED: usize = 8;
const SECOND_NS: u64 = 1_000_000_000;

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
                Trouble::Silent | Trouble::Nonsense => vec![State::ServerTerminate.byte()],
            };
            say(cx, &control, &last_word).ok();
        }
        cx.scope(|cx| control.get(cx)?.finish(cx)).ok();
    }
}

/// Where clients come to.
struct Desk {
    listener: Kept<dyn Listener>,
}

impl Desk {
    fn open(cx: &mut Cx<'_, Serving>) -> Result<Self, TcpError> {
        let listener = cx.req().tcp.listen(cx, PORT, BACKLOG)?.keep()?;
        Ok(Desk { listener })
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
        say_state(cx, control, State::CreateStreams)?;
        let mut test = Test { plan, streams: Vec::new(), denied: VecDeque::new() };
        while test.streams.len() < plan.streams() as usize {
            self.accept(cx, &cookie, &mut test)?;
        }
        say_state(cx, control, State::TestStart)?;
        say_state(cx, control, State::TestRunning)?;
        let elapsed_ns = self.run(cx, control, &mut test)?;
        say_state(cx, control, State::ExchangeResults)?;
        // What the client has seen is for itself to show.
        hear_json(cx, control)?;
        say(cx, control, &test.results(elapsed_ns).message())?;
        // Before the client knows that it is over, and may look.
        cx.parent().shown.add(test.summary(elapsed_ns));
        say_state(cx, control, State::DisplayResults)?;
        // Its last word, or its end, is all the same.
        hear(cx, control, &mut [0]).or(Ok(()))
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
            test.deny(cx, connection);
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

    /// Lets bytes go through the streams until the client says that it is over; how long that took.
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
            let ready = cx.scope(|cx| {
                let poll = poll.get(cx)?;
                until(cx, &cx.req().clock, until_ns, |cx| poll.wait(cx, reports.as_mut_bytes()))
            })?;
            let now_ns = now_ns(cx)?;
            if times.counts_from(now_ns) {
                test.streams.iter_mut().for_each(|stream| stream.bytes = 0);
            }
            if times.are_over(now_ns) {
                return Err(Trouble::Silent);
            }
            for report in reports.iter().take(ready.unwrap_or(0) as usize) {
                match report.tag {
                    LISTENER => self.turn_away(cx, test)?,
                    CONTROL => match self.next_state(cx, control)? {
                        Some(State::TestEnd) => {
                            test.take_rest(cx, &mut piece)?;
                            return Ok(now_ns.saturating_sub(times.start_ns));
                        }
                        Some(State::ClientTerminate) => return Err(Trouble::Terminated),
                        Some(_) => return Err(Trouble::Nonsense),
                        None => (),
                    },
                    place => {
                        let Some(stream) = test.streams.get_mut(place as usize) else { continue };
                        if stream.go_on(cx, &mut piece)? {
                            times.moved(now_ns);
                        }
                    }
                }
            }
        }
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

    /// What the client says now, if anything.
    fn next_state(
        &self,
        cx: &mut Cx<'_, Serving>,
        control: &Kept<dyn Connection>,
    ) -> Result<Option<State>, Trouble> {
        let mut byte = [0];
        match cx.scope(|cx| control.get(cx)?.read_now(cx, &mut byte)) {
            Err(TcpError::WouldWait) => Ok(None),
            Ok(0) => Err(Trouble::Terminated),
            Ok(_) => State::of_client(byte[0]).map(Some).ok_or(Trouble::Nonsense),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells whoever comes in the middle of a test that somebody else is measuring.
    fn turn_away(&self, cx: &mut Cx<'_, Serving>, test: &mut Test) -> Result<(), Trouble> {
        let newcomer = cx.scope(|cx| {
            let listener = self.listener.get(cx)?;
            listener.accept_now(cx)?.keep().map_err(TcpError::from)
        });
        match newcomer {
            Err(TcpError::WouldWait) => Ok(()),
            newcomer => {
                test.deny(cx, newcomer?);
                Ok(())
            }
        }
    }
}

/// A test under way.
struct Test {
    plan: Plan,
    streams: Vec<Stream>,
    /// Others, who are told to come again later. They are not cut off before they can have read that.
    denied: VecDeque<Kept<dyn Connection>>,
}

impl Test {
    /// Takes what is still there of what the client has sent.
    fn take_rest(&mut self, cx: &mut Cx<'_, Serving>, piece: &mut [u8]) -> Result<(), TcpError> {
        for stream in self.streams.iter_mut().filter(|stream| !stream.is_outgoing) {
            while stream.go_on(cx, piece)? {}
        }
        Ok(())
    }

    fn deny(&mut self, cx: &mut Cx<'_, Serving>, connection: Kept<dyn Connection>) {
        // Who hears it not even now hears it never.
        cx.scope(|cx| {
            let connection = connection.get(cx)?;
            connection.write_now(cx, &[State::AccessDenied.byte()])?;
            connection.finish(cx)
        })
        .ok();
        self.denied.push_back(connection);
        if self.denied.len() > DENIED {
            self.denied.pop_front();
        }
    }

    /// What the client is told.
    fn results(&self, elapsed_ns: u64) -> Results {
        let counted_ns = self.counted_ns(elapsed_ns);
        let streams = (0..).zip(&self.streams);
        Results::new(
            streams.map(|(index, it)| StreamResult::new(index, it.bytes, counted_ns)).collect(),
        )
    }

    /// What is shown here.
    fn summary(&self, elapsed_ns: u64) -> Last {
        let bytes = |is_outgoing| {
            let those = self.streams.iter().filter(|stream| stream.is_outgoing == is_outgoing);
            those.map(|stream| stream.bytes).sum()
        };
        let streams = self.streams.len();
        let counted_ns = self.counted_ns(elapsed_ns);
        Last { streams, received_bytes: bytes(false), sent_bytes: bytes(true), counted_ns }
    }

    fn counted_ns(&self, elapsed_ns: u64) -> u64 {
        elapsed_ns.saturating_sub(u64::from(self.plan.omitted_seconds) * SECOND_NS)
    }
}

/// When what is due in a test.
struct Times {
    start_ns: u64,
    /// What goes through counts from then on; nothing, once it does.
    counting_ns: Option<u64>,
    /// The client is to have said by then that it is over.
    end_ns: u64,
    /// Something is to have gone through by then.
    silent_ns: u64,
}

impl Times {
    fn new(plan: Plan, now_ns: u64) -> Self {
        let after = |seconds: u32| now_ns + u64::from(seconds) * SECOND_NS;
        Times {
            start_ns: now_ns,
            counting_ns: (plan.omitted_seconds > 0).then(|| after(plan.omitted_seconds)),
            end_ns: if plan.seconds > 0 { after(plan.seconds) + PATIENCE_NS } else { u64::MAX },
            silent_ns: now_ns + SILENCE_NS,
        }
    }

    /// When to look at the clock at the latest.
    fn look_ns(&self) -> u64 {
        self.end_ns.min(self.silent_ns).min(self.counting_ns.unwrap_or(u64::MAX))
    }

    /// Something went through.
    fn moved(&mut self, now_ns: u64) {
        self.silent_ns = now_ns + SILENCE_NS;
    }

    /// Whether what goes through counts from now on, and did not before.
    fn counts_from(&mut self, now_ns: u64) -> bool {
        self.counting_ns.take_if(|counting_ns| *counting_ns <= now_ns).is_some()
    }

    fn are_over(&self, now_ns: u64) -> bool {
        now_ns >= self.end_ns.min(self.silent_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seconds: u32, omitted_seconds: u32) -> Plan {
        Plan { incoming: 1, outgoing: 0, piece: 1, seconds, omitted_seconds, no_delay: false }
    }

    #[test]
    fn what_was_before_is_left_out_once() {
        let mut times = Times::new(plan(5, 2), 0);
        assert_eq!(times.look_ns(), 2 * SECOND_NS);
        assert!(!times.counts_from(2 * SECOND_NS - 1));
        assert!(times.counts_from(2 * SECOND_NS) && !times.counts_from(2 * SECOND_NS));
        assert_eq!(times.look_ns(), 5 * SECOND_NS + PATIENCE_NS);
    }

    #[test]
    fn a_test_that_does_not_end_is_ended() {
        let mut times = Times::new(plan(100, 0), 0);
        assert!(times.are_over(SILENCE_NS) && !times.are_over(SILENCE_NS - 1));
        times.moved(90 * SECOND_NS);
        assert!(!times.are_over(100 * SECOND_NS) && times.are_over(110 * SECOND_NS));
        let mut endless = Times::new(plan(0, 0), 0);
        endless.moved(1000 * SECOND_NS);
        assert!(!endless.are_over(1059 * SECOND_NS) && endless.are_over(1060 * SECOND_NS));
    }
}
