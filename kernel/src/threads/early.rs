//! Interrupts of the timer before anything is due, for tests: they let another thread run in places where that seldom happens.
//!
//! `preempt=LEAST-GREATEST` on the kernel's command line is the range from which each distance is drawn, in nanoseconds. Where the clock
//! counts instructions (`-icount shift=0`) a nanosecond is one instruction, and the same run meets the same interrupts again;
//! `preempt=LEAST-GREATEST:SEED` draws others. Each CPU draws for itself.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use warren_kernel::{command_line, contexts::CPUS, jitter::Jitter};

use crate::{cpu, guarded::Guarded, log::log};

/// What distances are drawn from.
struct Early {
    jitter: Jitter,
    /// How far each CPU's sequence is.
    sequences: [u64; CPUS],
}

static EARLY: Guarded<Option<Early>> = Guarded::new(None);
/// Whether there is something in it, for those who ask often.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Begins with it, if the command line says so.
pub fn install(line: &str) {
    let Some(range) = command_line::value(line, "preempt") else { return };
    let Some(jitter) = Jitter::parse(range) else {
        return log!("preempt: `{range}` is no range of nanoseconds like `200-4000`");
    };
    log!("preempt: somebody else may run every {range} ns");
    let sequences = core::array::from_fn(|cpu| jitter.sequence(cpu));
    EARLY.with(|early| *early = Some(Early { jitter, sequences }));
    IS_ON.store(true, Relaxed);
}

/// Whether each interrupt of the timer is to let somebody else run.
pub fn is_on() -> bool {
    IS_ON.load(Relaxed)
}

/// Nanoseconds until the next one on this CPU, if they are drawn. With interrupts off.
pub fn draw_ns() -> Option<u64> {
    if !is_on() {
        return None;
    }
    EARLY.with(|early| {
        let Early { jitter, sequences } = early.as_mut()?;
        Some(jitter.draw(&mut sequences[cpu::number()]).into())
    })
}
