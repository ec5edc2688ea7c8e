//! `ping`: asks another station whether it is there.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Req, Required, SystemError, server};
use warren_idl::{Address, Ping, PingAnswer, PingError, Program, Resolver, Timer};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// Bytes of ICMP's header in front of the data.
const HEADER_BYTES: u32 = 8;
const MS: u64 = 1_000_000;
/// Longest interval and patience, in milliseconds.
const MOST_MS: u64 = 3_600_000;

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    ping: Req<dyn Ping>,
    resolver: Req<dyn Resolver>,
    timer: Req<dyn Timer>,
}

/// Asks another station whether it is there.
#[server(provides(Program), locals(Run), summary = "ask another station whether it is there")]
pub struct PingProgram {}

program!(PingProgram requires Needs, Run, Asking);

struct Asking {
    station: Station,
    count: u64,
    bytes: u32,
    interval_ns: u64,
    patience_ns: u64,
    only_summary: bool,
    times: Times,
}

/// Who is asked.
enum Station {
    Address(Address),
    /// Its address is not known yet.
    Name(String),
}

/// What came of the questions so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times {
    asked: u64,
    answered: u64,
    sum_ns: u64,
    least_ns: u64,
    most_ns: u64,
}

impl Times {
    fn add(&mut self, ns: u64) {
        self.least_ns = if self.answered == 0 { ns } else { self.least_ns.min(ns) };
        self.most_ns = self.most_ns.max(ns);
        self.sum_ns += ns;
        self.answered += 1;
    }

    fn summary(&self, address: Address) -> String {
        let Times { asked, answered, sum_ns, least_ns, most_ns } = *self;
        let lost = (asked - answered) * 100 / asked.max(1);
        let mut text = format!(
            "--- {address} ping statistics ---\n\
             {asked} packets transmitted, {answered} received, {lost}% packet loss\n"
        );
        if let Some(mean) = sum_ns.checked_div(answered) {
            let [least, mean, most] = [least_ns, mean, most_ns].map(milliseconds);
            text += &format!("rtt min/avg/max = {least}/{mean}/{most} ms\n");
        }
        text
    }
}

fn milliseconds(ns: u64) -> String {
    format!("{}.{:03}", ns / MS, ns / 1000 % 1000)
}

impl Work<Run> for Asking {
    const MANUAL: Manual = Manual {
        usage: "[-q] [-c COUNT] [-s BYTES] [-i MILLISECONDS] [-W MILLISECONDS] STATION",
        details: "\
-c  how often to ask: 4 times if nothing is said
-s  bytes to be sent back: 56 if nothing is said, 65507 at most
-i  time from one question to the next: 1000 ms if nothing is said
-W  how long to wait for an answer: 1000 ms if nothing is said
-q  show only what came of it in all
STATION is a name, or an address, such as 10.0.2.2 or fe80::2. The status is 0 if any answer came.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "q", "csiW")?;
        let number = |letter, default, most| match arguments.number(letter)?.unwrap_or(default) {
            number if number > most => Err(UsageError(format!("-{letter}: more than {most}"))),
            number => Ok(number),
        };
        let (count, bytes) = (number('c', 4, u64::MAX)?, number('s', 56, 65_507)? as u32);
        if count == 0 {
            return Err(UsageError("-c: one question at least".into()));
        }
        let (interval_ms, patience_ms) = (number('i', 1000, MOST_MS)?, number('W', 1000, MOST_MS)?);
        let only_summary = arguments.has('q');
        let [station] = arguments.exactly(["STATION"])?;
        let address = Address::parse(&station);
        Ok(Asking {
            station: address.map_or(Station::Name(station), Station::Address),
            count,
            bytes,
            interval_ns: interval_ms * MS,
            patience_ns: patience_ms * MS,
            only_summary,
            times: Times::default(),
        })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        handed.go_on(cx)?;
        let address = match &self.station {
            Station::Address(address) => *address,
            Station::Name(name) => {
                let mut first = Address::NONE;
                if let Err(error) = cx.req().resolver.resolve(cx, name, &mut first.bytes) {
                    return handed.fail(cx, name, error);
                }
                let address = first;
                self.station = Station::Address(address);
                address
            }
        };
        if self.times.asked == self.count {
            output.extend(self.times.summary(address).bytes());
            return Ok(Flow::End(u8::from(self.times.answered == 0)));
        }
        let pause = self.times.asked > 0 && self.interval_ns > 0;
        if pause && cx.req().timer.sleep(cx, self.interval_ns).is_err() {
            return Err(Stop);
        }
        let sequence = self.times.asked as u16;
        self.times.asked += 1;
        match cx.req().ping.ping(cx, &address, sequence, self.bytes, self.patience_ns) {
            Ok(answer) => {
                if answer.obstacle().is_none() {
                    self.times.add(answer.round_trip_ns);
                }
                if !self.only_summary {
                    output.extend(line(&answer, sequence, self.bytes).bytes());
                }
            }
            // A server that has died may be back for the next question.
            Err(
                error @ (PingError::TimedOut
                | PingError::Unreachable
                | PingError::System(SystemError::Lost)),
            ) => {
                if !self.only_summary {
                    let reason = error.message();
                    output.extend(format!("icmp_seq={sequence}: {reason}\n").bytes());
                }
            }
            Err(error) => return handed.fail(cx, "icmp", error),
        }
        Ok(Flow::More)
    }
}

fn line(answer: &PingAnswer, sequence: u16, sent: u32) -> String {
    let PingAnswer { source, bytes, hops_left, unchanged, round_trip_ns, .. } = *answer;
    if let Some(obstacle) = answer.obstacle() {
        return format!("icmp_seq={sequence}: {source} says: {obstacle}\n");
    }
    let time = milliseconds(round_trip_ns);
    let whole = unchanged == sent && bytes == sent + HEADER_BYTES;
    let changed = if whole { "" } else { " (not the bytes that were sent)" };
    format!(
        "{bytes} bytes from {source}: icmp_seq={sequence} ttl={hops_left} time={time} ms{changed}\n"
    )
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use warren_idl::Obstacle;

    use super::*;

    #[test]
    fn an_answer_is_a_line() {
        let answer = PingAnswer {
            round_trip_ns: 1_234_567,
            source: Address::v4(0x0a00_0202),
            bytes: 64,
            hops_left: 255,
            unchanged: 56,
            obstacle: 0,
        };
        let expected = "64 bytes from 10.0.2.2: icmp_seq=3 ttl=255 time=1.234 ms\n";
        assert_eq!(line(&answer, 3, 56), expected);
        let damaged = line(&PingAnswer { unchanged: 55, ..answer }, 3, 56);
        assert!(damaged.ends_with("ms (not the bytes that were sent)\n"), "{damaged}");
    }

    #[test]
    fn whoever_says_that_there_is_no_answer_is_shown() {
        let source = Address::v4(0x0a09_0001);
        let obstacle = Obstacle::Network as u32;
        let stopped = PingAnswer { source, obstacle, ..PingAnswer::default() };
        let expected = "icmp_seq=3: 10.9.0.1 says: network unreachable\n";
        assert_eq!(line(&stopped, 3, 56), expected);
    }

    #[test]
    fn times_are_summed_up() {
        let mut times = Times { asked: 4, ..Times::default() };
        [2, 1, 6].into_iter().for_each(|ms| times.add(ms * MS));
        let expected = "--- 10.0.2.2 ping statistics ---\n\
                        4 packets transmitted, 3 received, 25% packet loss\n\
                        rtt min/avg/max = 1.000/3.000/6.000 ms\n";
        assert_eq!(times.summary(Address::v4(0x0a00_0202)), expected);
        let none = Times { asked: 2, ..Times::default() }.summary(Address::v4(1));
        assert!(none.ends_with("2 packets transmitted, 0 received, 100% packet loss\n"), "{none}");
    }

    #[test]
    fn arguments_are_checked() {
        let start =
            |words: &[&str]| Asking::start(words.iter().map(|word| (*word).into()).collect());
        let asking = start(&["-c2", "10.0.2.2", "-s", "100"]).ok().unwrap();
        assert_eq!((asking.count, asking.bytes, asking.interval_ns), (2, 100, 1000 * MS));
        for words in [
            vec![],
            vec!["-x", "10.0.2.2"],
            vec!["-c0", "10.0.2.2"],
            vec!["-s", "65508", "10.0.2.2"],
            vec!["1.2.3.4", "x"],
        ] {
            assert!(start(&words).is_err(), "{words:?}");
        }
    }
}
