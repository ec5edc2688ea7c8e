//! `outage`: makes a server fail, and measures for how long it is missed, by the system's own clock.
//!
//! # Method
//!
//! Time counts from when the fault is set, so that it is a little more than what passes from the death on. Whoever looks for a sign of life makes a call that goes
//! through the server, and thereby meets the fault, if nobody else has before; so no sign is one of the instance that is to die.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Req, Required, SystemError, server};
use warren_idl::{
    Address, Clock, Ping, Program, Routing, RoutingError, SystemControl, SystemControlError, Tcp,
    TcpError, TimeError, Timer, Way,
};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

const MS: u64 = 1_000_000;
/// How long an answer may take before the question is asked again.
const PATIENCE_NS: u64 = 10 * MS;
/// The same for a connection and its first byte.
const CONNECTION_NS: u64 = 200 * MS;
/// From one question that failed at once to the next.
const LOOK_NS: u64 = MS / 10;
/// Whoever is not back then does not come back.
const LIMIT_NS: u64 = 20_000 * MS;
/// This station, as it calls itself.
const HERE: Address = Address::v4(0x7f00_0001);
/// What a server of HTTP answers, and one that echoes too.
const QUESTION: &[u8] = b"HEAD / HTTP/1.1\r\nHost: here\r\n\r\n";

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    system: Req<dyn SystemControl>,
    clock: Req<dyn Clock>,
    timer: Req<dyn Timer>,
    ping: Req<dyn Ping>,
    tcp: Req<dyn Tcp>,
    routing: Req<dyn Routing>,
}

/// Makes a server fail, and measures for how long it is missed.
#[server(
    provides(Program),
    locals(Run),
    stack = 32768,
    summary = "make a server fail, and measure for how long it is missed"
)]
pub struct Outage {}

program!(Outage requires Needs, Run, Missing);

/// What is made to fail, and how it shows that it is back.
struct Missing {
    server: String,
    at_once: bool,
    sign: Sign,
}

/// Signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// A station answers an echo request, and TCP receives segments.
    Below(Address),
    /// A port of this station answers whoever connects to it.
    Port(u16),
    /// It knows no more that an endpoint was announced to it, and then does again.
    Routing,
}

/// Why it cannot be measured.
enum Trouble {
    Control(SystemControlError),
    Time(TimeError),
    Ended,
    Gone,
}

impl From<TimeError> for Trouble {
    fn from(error: TimeError) -> Self {
        Trouble::Time(error)
    }
}

impl Work<Run> for Missing {
    const MANUAL: Manual = Manual {
        usage: "[-k] SERVER STATION | [-k] SERVER -p PORT | -a SERVER",
        details: "\
-k  end the server, instead of making the next call into it fail
-p  it is back when this port of this station answers
-a  it is routing, which dies between an announcement and the call that waits for its death
Without -p it is back when STATION, an address, answers an echo request, and TCP receives segments: some connection
has to be busy. The output is a line of JSON with times since the fault was set.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "ka", "p")?;
        let at_once = arguments.has('k');
        if arguments.has('a') {
            let [server] = arguments.exactly(["SERVER"])?;
            return Ok(Missing { server, at_once, sign: Sign::Routing });
        }
        let (server, sign) = match arguments.number('p')? {
            Some(port) => {
                let port = u16::try_from(port).map_err(|_| UsageError("-p: no port".into()))?;
                let [server] = arguments.exactly(["SERVER"])?;
                (server, Sign::Port(port))
            }
            None => {
                let [server, station] = arguments.exactly(["SERVER", "STATION"])?;
                let address = Address::parse(&station)
                    .ok_or_else(|| UsageError(format!("no address: {station}")))?;
                (server, Sign::Below(address))
            }
        };
        Ok(Missing { server, at_once, sign })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match self.measure(cx) {
            Ok(times) => {
                let server = &self.server;
                output.extend(format!("{{\"server\":\"{server}\",{times}}}\n").bytes());
                Ok(Flow::End(0))
            }
            Err(Trouble::Ended) => Err(Stop),
            Err(Trouble::Control(error)) => handed.fail(cx, &self.server, error),
            Err(Trouble::Time(error)) => handed.fail(cx, "time", error),
            Err(Trouble::Gone) => {
                handed.complain(cx, &format!("{} does not come back", self.server))?;
                Ok(Flow::End(1))
            }
        }
    }
}

impl Missing {
    /// Makes it fail, and waits for the signs; the fields of an object of JSON.
    fn measure(&self, cx: &mut Cx<'_, Run>) -> Result<String, Trouble> {
        let start_ns = cx.req().clock.now_ns()?;
        if self.sign == Sign::Routing {
            return cx.scope(|cx| self.attended(cx, start_ns));
        }
        self.fail(cx)?;
        match self.sign {
            Sign::Routing => Err(Trouble::Gone),
            Sign::Below(station) => below(cx, station, start_ns),
            Sign::Port(port) => {
                if !self.at_once {
                    // TCP meets the fault here, if it is the one.
                    let _ = cx.req().tcp.counts(cx);
                }
                while !answers(cx, port, start_ns)? {}
                let serves_ns = cx.req().clock.now_ns()? - start_ns;
                Ok(format!("\"serves_ns\":{serves_ns}"))
            }
        }
    }
}

impl Missing {
    fn fail(&self, cx: &mut Cx<'_, Run>) -> Result<(), Trouble> {
        let system = &cx.req().system;
        let failed = match self.at_once {
            true => system.end_server(cx, &self.server),
            false => system.crash(cx, &self.server, "null"),
        };
        failed.map_err(Trouble::Control)
    }

    /// Asks the next instance of `routing` to attend an endpoint that was announced to the one before, and waits until there is a way to that again. If the endpoint
    /// is quicker the next instance dies, too.
    fn attended(&self, cx: &mut Cx<'_, Run>, start_ns: u64) -> Result<String, Trouble> {
        let routing = &cx.req().routing;
        let mut way = [0; size_of::<Way>()];
        let endpoint = routing.route(cx, &HERE, &mut way).map_err(|_| Trouble::Gone)?;
        let refused_ns = loop {
            self.fail(cx)?;
            // This meets the fault.
            let _ = routing.entry(cx, 0);
            let until_ns = passed(cx, start_ns)? + start_ns + PATIENCE_NS;
            let attended = cx.until(until_ns, |cx| {
                loop {
                    let attended = routing.attend(cx, endpoint);
                    if attended != Err(RoutingError::System(SystemError::Lost)) {
                        break attended;
                    }
                    cx.req().timer.sleep(cx, LOOK_NS).map_err(|_| SystemError::Killed)?;
                }
            });
            match attended {
                Ok(Err(RoutingError::NotAnnounced)) => break passed(cx, start_ns)?,
                Ok(Err(RoutingError::System(SystemError::Killed))) | Err(SystemError::Killed) => {
                    return Err(Trouble::Ended);
                }
                _ => pause(cx)?,
            }
        };
        while cx.scope(|cx| routing.route(cx, &HERE, &mut way).is_err()) {
            passed(cx, start_ns)?;
            pause(cx)?;
        }
        let leads_ns = passed(cx, start_ns)?;
        Ok(format!("\"refused_ns\":{refused_ns},\"leads_ns\":{leads_ns}"))
    }
}

/// Waits until a station answers and segments arrive.
fn below(cx: &mut Cx<'_, Run>, station: Address, start_ns: u64) -> Result<String, Trouble> {
    let (mut answers_ns, mut arrives_ns, mut before) = (None, None, None);
    let mut sequence = 0;
    loop {
        let (ping, tcp) = (&cx.req().ping, &cx.req().tcp);
        let answer = ping.ping(cx, &station, sequence, 0, PATIENCE_NS);
        sequence = sequence.wrapping_add(1);
        let received = tcp.counts(cx).map(|counts| counts.received).ok();
        let now_ns = passed(cx, start_ns)?;
        if answer.is_ok_and(|answer| answer.obstacle().is_none()) {
            answers_ns.get_or_insert(now_ns);
        }
        // The first question has met the fault: what is received from then on has come through the new instance.
        match (before, received) {
            (None, Some(received)) => before = Some(received),
            (Some(before), Some(received)) if received > before => {
                arrives_ns.get_or_insert(now_ns);
            }
            _ => (),
        }
        if let (Some(answers_ns), Some(arrives_ns)) = (answers_ns, arrives_ns) {
            return Ok(format!("\"answers_ns\":{answers_ns},\"arrives_ns\":{arrives_ns}"));
        }
        pause(cx)?;
    }
}

/// Whether a port of this station answers.
fn answers(cx: &mut Cx<'_, Run>, port: u16, start_ns: u64) -> Result<bool, Trouble> {
    let until_ns = passed(cx, start_ns)? + start_ns + CONNECTION_NS;
    let asked = cx.until(until_ns, |cx| cx.scope(|cx| ask(cx, port)));
    match asked {
        Ok(Ok(1..)) => Ok(true),
        Ok(Err(TcpError::System(SystemError::Killed))) | Err(SystemError::Killed) => {
            Err(Trouble::Ended)
        }
        _ => pause(cx).map(|()| false),
    }
}

/// Connects, says something, and reads what is answered; how many bytes.
fn ask(cx: &mut Cx<'_, Run>, port: u16) -> Result<u64, TcpError> {
    let connection = cx.req().tcp.connect(cx, &HERE, port)?;
    connection.write(cx, QUESTION)?;
    connection.read(cx, &mut [0; 256])
}

/// Time since the fault was set, unless it is too long.
fn passed(cx: &mut Cx<'_, Run>, start_ns: u64) -> Result<u64, Trouble> {
    let passed_ns = cx.req().clock.now_ns()? - start_ns;
    if passed_ns < LIMIT_NS { Ok(passed_ns) } else { Err(Trouble::Gone) }
}

fn pause(cx: &mut Cx<'_, Run>) -> Result<(), Trouble> {
    match cx.req().timer.sleep(cx, LOOK_NS) {
        Err(TimeError::System(SystemError::Killed)) => Err(Trouble::Ended),
        slept => Ok(slept?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(arguments: &[&str]) -> Result<(bool, Sign), UsageError> {
        let words = arguments.iter().map(|one| String::from(*one)).collect();
        Missing::start(words).map(|missing| (missing.at_once, missing.sign))
    }

    #[test]
    fn signs_are_told_apart_by_the_arguments() {
        let gateway = Sign::Below(Address::v4(0x0a00_0202));
        assert_eq!(start(&["arp", "10.0.2.2"]).ok(), Some((false, gateway)));
        assert_eq!(start(&["-k", "http", "-p", "80"]).ok(), Some((true, Sign::Port(80))));
        for wrong in [&["arp"][..], &["arp", "here"], &["tcp", "-p", "70000"], &["tcp", "-p"]] {
            assert!(start(wrong).is_err(), "{wrong:?}");
        }
    }
}
