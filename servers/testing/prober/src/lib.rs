//! Prober: makes random system calls and sees what comes of it.
//!
//! # Result
//!
//! A summary, and exit status 0 if the prober was told nothing that it must not know and its memory changed
//! only where it said. That the kernel lives shows in the summary being printed at all.
//!
//! # What is not tried
//!
//! The system calls by which the prober itself would end, the return of its own call and `wsys.panic`; and
//! `wsys.panicked`, which writes to the log.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod atomic;
mod random;
mod raw;
mod trial;
mod words;

use alloc::{format, string::String, vec, vec::Vec};

use warren::{Cx, Req, Required, server};
use warren_idl::{Counter, Echo, EchoError, Hub, Parameters, Program};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

use random::Random;
use trial::{Outcome, Servers, Trial};
use words::Known;

/// Tries where the parameter `tries` does not say.
const TRIES: u64 = 1_000_000;
/// Bytes that calls may change.
const PLAYGROUND_BYTES: usize = 8192;
/// Words that must not change.
const CANARIES: usize = 256;
/// Tries between two looks at the canaries.
const BATCH: u64 = 256;

/// What the prober needs.
#[derive(Required)]
pub struct Needs {
    parameters: Req<dyn Parameters>,
    echo: Req<dyn Echo>,
    kernel_echo: Req<dyn Echo>,
    hub: Req<dyn Hub>,
}

/// Makes random system calls and sees what comes of it.
#[server(provides(Program, Counter), locals(Run), parameters("seed", "tries"), stack = 32768)]
pub struct Prober {}

program!(Prober requires Needs, Run, Probing);

/// All tries, at once.
struct Probing;

impl Work<Run> for Probing {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Probing)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        _: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let seed = number(cx, "seed").unwrap_or(1);
        let tries = number(cx, "tries").unwrap_or(TRIES);
        let mut summary = format!("{tries} tries from seed {seed}:");
        let status = match probe(cx, seed, tries) {
            Ok(outcome) => {
                summary += &outcome.text();
                outcome.worst.is_some().into()
            }
            Err(error) => {
                summary += &format!(" cannot be made: {error}");
                1
            }
        };
        summary += "\n";
        output.extend(summary.bytes());
        Ok(Flow::End(status))
    }
}

/// A parameter that is a number.
fn number(cx: &Cx<'_, Run>, name: &str) -> Option<u64> {
    let mut text = [0; 20];
    let length = cx.req().parameters.get(name, &mut text).ok()?;
    core::str::from_utf8(text.get(..usize::try_from(length).ok()?)?).ok()?.parse().ok()
}

/// Makes all tries, in batches: the references that the tries get go at the end of each.
fn probe(cx: &mut Cx<'_, Run>, seed: u64, tries: u64) -> Result<Outcome, EchoError> {
    let needs = cx.req();
    let playground = vec![0_u8; PLAYGROUND_BYTES];
    let servers = Servers {
        echoes: [needs.echo.as_ref().word(), needs.kernel_echo.as_ref().word()],
        hub: needs.hub.as_ref().word(),
    };
    // What has been called once may take a shorter way.
    raw::nothing(servers.echoes[1]);
    let counter = cx.root::<dyn Counter>()?;
    if needs.hub.count_atomically(cx, counter).is_err() {
        return Err(EchoError::Broken);
    }
    let mut random = Random::new(seed);
    let mut outcome = Outcome::default();
    let canaries: Vec<u64> = (0..CANARIES as u64).map(canary).collect();
    for _ in 0..tries.div_ceil(BATCH) {
        let batch = |cx: &mut Cx<'_, Run>| {
            let hub = &cx.req().hub;
            let references = [hub.make(cx, 1)?.word(), hub.make(cx, 2)?.word()];
            let known = Known {
                playground: playground.as_ptr() as u64,
                playground_bytes: PLAYGROUND_BYTES as u64,
                references: &references,
            };
            let mut trial = Trial::new(known, servers, &mut random, &mut outcome);
            (0..BATCH).for_each(|_| trial.once());
            Ok::<_, EchoError>(())
        };
        cx.scope(batch)?;
        let words = core::hint::black_box(&canaries).iter().zip(0..);
        if !words.into_iter().all(|(word, at)| *word == canary(at)) {
            outcome.worse("a canary changed");
        }
        if outcome.worst.is_some() {
            break;
        }
    }
    // Whoever was called all the time still answers.
    if needs.echo.add(cx, 20, 22)? != 42 || needs.kernel_echo.add(cx, 20, 22)? != 42 {
        outcome.worse("a server answers wrongly");
    }
    Ok(outcome)
}

fn canary(at: u64) -> u64 {
    at.wrapping_mul(0x0101_0101_0101_0101) ^ 0x5bd1_e995_9d1f_3a77
}
