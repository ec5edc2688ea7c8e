//! One try after the other, and what is wrong with what came back.

use alloc::{format, string::String};

use warren::SystemError;

use crate::{
    random::Random,
    raw::{Function, Registers, system_call},
    words::Known,
};

/// Number of the system call for the first of the system functions.
const FIRST_FUNCTION: u64 = 1 << 16;
/// Numbers of system calls that end the prober or fill the log: the return of a call, `wsys.panic`, `wsys.panicked`, and
/// `wsys.deadline`, after which its calls fail.
const ENDING: [u32; 4] =
    [u32::MAX, FIRST_FUNCTION as u32 + 15, FIRST_FUNCTION as u32 + 16, FIRST_FUNCTION as u32 + 17];
/// Numbers of `wsys.release` and `wsys.unweak`: what the last look at the servers needs is not given back.
const GIVING_BACK: [u64; 2] = [FIRST_FUNCTION + 1, FIRST_FUNCTION + 5];
/// `wsys.spawn` and the kind of a run. What it names becomes a run, and ends as one: the prober dies of that.
const SPAWNING_A_RUN: [u64; 2] = [FIRST_FUNCTION + 6, 2];
/// Where the kernel's addresses start.
const KERNEL: u64 = 0xffff_8000_0000_0000;

/// What came of the tries.
#[derive(Debug, Default)]
pub struct Outcome {
    raw_refused: u64,
    raw_done: u64,
    calls_refused: u64,
    calls_done: u64,
    /// The first thing that must not happen.
    pub worst: Option<String>,
}

impl Outcome {
    /// Notes what must not happen.
    pub fn worse(&mut self, what: impl Into<String>) {
        self.worst.get_or_insert(what.into());
    }

    /// One line.
    pub fn text(&self) -> String {
        let Outcome { raw_refused, raw_done, calls_refused, calls_done, worst } = self;
        let worst = worst.as_deref().unwrap_or("nothing leaked");
        format!(
            " system calls {raw_refused} refused, {raw_done} done; service calls {calls_refused} refused, {calls_done} done; {worst}"
        )
    }
}

/// Words of the references that the prober needs to the end.
#[derive(Clone, Copy, Debug)]
pub struct Servers {
    /// Both echoes.
    pub echoes: [u64; 2],
    /// The maker of tokens.
    pub hub: u64,
}

impl Servers {
    fn include(&self, word: u64) -> bool {
        self.echoes.contains(&word) || self.hub == word
    }
}

/// The tries.
pub struct Trial<'a> {
    known: Known<'a>,
    servers: Servers,
    random: &'a mut Random,
    outcome: &'a mut Outcome,
}

impl<'a> Trial<'a> {
    /// Nothing tried yet.
    pub fn new(
        known: Known<'a>,
        servers: Servers,
        random: &'a mut Random,
        outcome: &'a mut Outcome,
    ) -> Self {
        Trial { known, servers, random, outcome }
    }

    /// Tries once.
    pub fn once(&mut self) {
        match self.random.below(4) {
            0 => self.service_call(),
            _ => self.raw(),
        }
    }

    /// A system call with random registers.
    fn raw(&mut self) {
        let before: Registers = core::array::from_fn(|at| match at {
            0 => self.system_call_number(),
            13 | 14 => 0,
            _ => self.known.word(self.random),
        });
        if self.servers.include(before[1]) && GIVING_BACK.contains(&(before[0] & 0xffff_ffff)) {
            return;
        }
        if [before[0] & 0xffff_ffff, before[1]] == SPAWNING_A_RUN {
            return;
        }
        let after = system_call(&before);
        match after[0] {
            0 => self.outcome.raw_done += 1,
            _ => self.outcome.raw_refused += 1,
        }
        // rax and rdx are the answer, and a reference is a kernel's address that is meant to be known.
        let told = (1..after.len()).filter(|at| *at != 3);
        let leaked = told.clone().find(|at| after[*at] != 0 && after[*at] != before[*at]);
        if let Some(at) = leaked {
            self.outcome.worse(format!(
                "system call {:#x} left {:#x} in register {at}",
                before[0], after[at]
            ));
        }
        if after[0] != 0 && after[3] >= KERNEL && !before.contains(&after[3]) {
            self.outcome
                .worse(format!("system call {:#x} refused with {:#x}", before[0], after[3]));
        }
    }

    fn system_call_number(&mut self) -> u64 {
        loop {
            let number = match self.random.below(4) {
                0 => self.random.number(),
                1 => self.random.below(20),
                _ => FIRST_FUNCTION + self.random.below(20),
            };
            if !ENDING.contains(&(number as u32)) {
                return number;
            }
        }
    }

    /// A service call with random words.
    fn service_call(&mut self) {
        let function = self.random.one_of(&Function::ALL);
        let honest = self.random.below(4) != 0;
        let reference = match (honest, function) {
            (true, Function::Ignore) => self.servers.hub,
            (true, _) => self.random.one_of(&self.servers.echoes),
            (false, _) => self.known.reference(self.random),
        };
        let target = self.known.target(self.random);
        let address = match function {
            Function::Ignore => self.known.reference(self.random),
            _ => target.address,
        };
        let answer = function.call(reference, address, target.length);
        match answer.error {
            0 => self.outcome.calls_done += 1,
            _ => self.outcome.calls_refused += 1,
        }
        if answer.error == 0 && !target.allowed && function != Function::Ignore {
            self.outcome.worse(format!(
                "{function:?} of {} bytes at {:#x} was done",
                target.length, target.address
            ));
        }
        if answer.error == SystemError::Lost.number() {
            self.outcome.worse(format!("{function:?} ended a server"));
        }
    }
}
