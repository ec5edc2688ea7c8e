//! Interrupt lines, and who waits for them.
//!
//! Lines below [`LINES`] are those of I/O APICs, by their numbers. Those behind them are entries of devices' tables of messages, in the order in
//! which they were asked for.
//!
//! A line that signals by a level is closed when it arrives, because its device asserts it until a driver has
//! served it; the driver's next wait opens it again. An edge would be lost while its line is closed, so
//! lines that signal by edges, as messages do, are open from the beginning: before a driver exists that could let its device
//! interrupt.
//!
//! # Which CPU
//!
//! That on which a thread began to wait for the line when nobody else did: there it goes on, mostly. So what devices bring is handled where it is
//! wanted, and a line does not move while several threads wait for it.
//!
//! # Storms
//!
//! An edge that comes before a waiter has taken the one before it closes its line, too. Edges are lost from then on; so the wait that opens the
//! line again returns at once, as if one had come, and its driver looks at the device once more. What is counted of interrupts is not
//! told of that: only what waiters see is. Between two waits of a driver a line interrupts twice at most, and a driver that gets no time
//! to wait is not interrupted for.
//!
//! The time that an interrupt takes is charged to the principal for which somebody waited for the line last, and not to whom it interrupts.

use alloc::{boxed::Box, vec, vec::Vec};
use core::sync::atomic::Ordering::Relaxed;

use warren_abi::call::SystemError;
use warren_kernel::acpi::Controllers;
use warren_natives::Waiters;

use super::{Place, Token, charge_interrupt, wait_until, wake, with_books};
use crate::{
    cpu::{
        self, block,
        io_apic::{self, LINES, Line},
        local,
        messages::{self, Entry, MESSAGES},
    },
    guarded::Guarded,
    memory::{Exhausted, frames},
};

/// Lines of both kinds.
const ALL: usize = (LINES + MESSAGES) as usize;

/// Where interrupts come from.
#[derive(Clone, Copy)]
enum Source {
    Line(Line),
    Message {
        entry: Entry,
        /// Physical address of the entry, which a line of messages is known by.
        address: u64,
    },
}

impl Source {
    fn is_level(&self) -> bool {
        matches!(self, Source::Line(line) if line.level)
    }

    fn set_open(&mut self, open: bool) {
        match self {
            Source::Line(line) => line.set_open(open),
            Source::Message { entry, .. } => entry.set_open(open),
        }
    }

    fn aim_at(&mut self, apic: u8) {
        match self {
            Source::Line(line) => line.aim_at(apic),
            Source::Message { entry, .. } => entry.aim_at(apic),
        }
    }
}

struct State {
    source: Source,
    /// The CPU that it interrupts.
    cpu: usize,
    /// Interrupts that have arrived.
    count: u64,
    /// The parts of it that each CPU has taken.
    by_cpu: Vec<u64>,
    /// Those that have arrived and, for each time that edges may have been lost, one more: what waiters see.
    news: u64,
    /// The news that a waiter has seen last.
    taken: u64,
    /// Whether edges may have been lost since then, because the line is closed.
    is_closed: bool,
    waiting: Waiters,
    /// For whom somebody waited last.
    payer: usize,
}

impl State {
    /// A line that interrupts this CPU.
    fn new(mut source: Source) -> Box<Self> {
        source.aim_at(own_apic());
        // Others open when somebody waits.
        if !source.is_level() {
            source.set_open(true);
        }
        Box::new(State {
            source,
            cpu: cpu::number(),
            count: 0,
            by_cpu: vec![0; local::count()],
            news: 0,
            taken: 0,
            is_closed: false,
            waiting: Waiters::new(),
            payer: Place::SYSTEM.principal,
        })
    }

    /// The news, for a waiter that has seen `seen` and is noted if there are no others.
    fn look(&mut self, seen: u64, waiter: Token) -> Option<u64> {
        self.payer = frames::payer();
        if self.news == seen && self.is_closed {
            self.is_closed = false;
            self.source.set_open(true);
            self.news += 1;
        }
        if self.news == seen {
            self.move_here();
            self.waiting.note(waiter);
            // The line may arrive at once; the waiter is on its list.
            if self.source.is_level() {
                self.source.set_open(true);
            }
            return None;
        }
        self.taken = self.news;
        Some(self.news)
    }

    /// Interrupts this CPU from now on, unless somebody else waits.
    fn move_here(&mut self) {
        let own = cpu::number();
        if self.waiting.is_empty() && self.cpu != own {
            self.source.aim_at(own_apic());
            self.cpu = own;
        }
    }

    fn arrived(&mut self) {
        self.count += 1;
        self.news += 1;
        if let Some(count) = self.by_cpu.get_mut(cpu::number()) {
            *count += 1;
        }
        if self.source.is_level() {
            self.source.set_open(false);
        } else if self.news - self.taken > 1 {
            self.is_closed = true;
            self.source.set_open(false);
        }
    }
}

static STATES: Guarded<[Option<Box<State>>; ALL]> = Guarded::new([const { None }; ALL]);

fn own_apic() -> u8 {
    block::local().apic.load(Relaxed)
}

/// The line that raises a vector, if one does.
pub fn line_of(vector: u8) -> Option<u32> {
    let behind = |first: u8, count: u32| {
        vector.checked_sub(first).map(u32::from).filter(|number| *number < count)
    };
    behind(io_apic::FIRST_VECTOR, LINES)
        .or_else(|| Some(LINES + behind(messages::FIRST_VECTOR, MESSAGES)?))
}

/// Whether there is a line with this number; its first use routes it.
pub fn exists(controllers: &Controllers, number: u32) -> bool {
    if number >= LINES {
        return false;
    }
    STATES.with(|states| {
        let state = &mut states[number as usize];
        if state.is_none() {
            *state = io_apic::route(controllers, number).map(|line| State::new(Source::Line(line)));
        }
        state.is_some()
    })
}

/// The number of the line that the entry at this physical address is; its first use writes it. `Ok(None)` if there are too many.
pub fn of_message(address: u64) -> Result<Option<u32>, Exhausted> {
    STATES.with(|states| {
        let messages = &mut states[LINES as usize..];
        let is_it = |state: &Option<Box<State>>| match state.as_deref() {
            Some(State { source: Source::Message { address: known, .. }, .. }) => *known == address,
            _ => false,
        };
        let known = messages.iter().position(is_it);
        let Some(index) = known.or_else(|| messages.iter().position(Option::is_none)) else {
            return Ok(None);
        };
        if known.is_none() {
            let entry = Entry::take(address, index as u32)?;
            messages[index] = Some(State::new(Source::Message { entry, address }));
        }
        Ok(Some(LINES + index as u32))
    })
}

/// Opens a line that exists, and waits until there are other news than `seen`. Returns them.
pub fn wait(number: u32, seen: u64) -> Result<u64, SystemError> {
    wait_until(|waiter| with(number, |state| state.look(seen, waiter)))
}

/// An interrupt arrived on a line: whoever waits for it is ready, and whoever waited for it last pays for this.
pub fn arrived(number: u32) {
    with_books(|_| ());
    let (waiting, payer) = with(number, |state| {
        state.arrived();
        (state.waiting.take(), state.payer)
    });
    waiting.into_iter().for_each(wake);
    charge_interrupt(payer);
}

/// What is known of a line to those who look on.
pub struct Sight {
    pub number: u32,
    pub is_message: bool,
    pub is_level: bool,
    /// The CPU that it interrupts.
    pub cpu: usize,
    /// CPUs that it may interrupt.
    pub cpus: usize,
    pub count: u64,
}

/// The first line in use whose number is at least `from`. Writes how many of its interrupts each CPU has taken, of as many as there is room for,
/// in words of 64 bits.
pub fn sight(from: u32, by_cpu: &mut [u8]) -> Option<Sight> {
    STATES.with(|states| {
        let (number, state) = states
            .iter()
            .enumerate()
            .skip(from as usize)
            .find_map(|(at, state)| Some((at as u32, state.as_deref()?)))?;
        let (words, _) = by_cpu.as_chunks_mut();
        for (word, taken) in words.iter_mut().zip(&state.by_cpu) {
            *word = taken.to_ne_bytes();
        }
        Some(Sight {
            number,
            is_message: matches!(state.source, Source::Message { .. }),
            is_level: state.source.is_level(),
            cpu: state.cpu,
            cpus: state.by_cpu.len(),
            count: state.count,
        })
    })
}

fn with<R: Default>(number: u32, work: impl FnOnce(&mut State) -> R) -> R {
    STATES.with(|states| match states.get_mut(number as usize) {
        Some(Some(state)) => work(state),
        _ => R::default(),
    })
}
