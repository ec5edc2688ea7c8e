//! Time since boot, by the time-stamp counter.
//!
//! The counter's frequency is measured against the programmable interval timer's channel 0, which
//! every PC and QEMU's microvm has. If that timer stands still, the local APIC's timer is the reference, at the
//! 1 GHz that hypervisors give it.
//!
//! A hypervisor may leave us alone in the middle of a measurement, for longer than the timer needs to come round. Time that passes between two reads is
//! always part of what is counted, and never makes the timer's count larger: so it can only make the counter seem faster than it is, and of several
//! measurements the slowest is right.
#![expect(unsafe_code, reason = "ports of the interval timer")]

use core::sync::atomic::{AtomicU64, Ordering};

use super::{local_apic, registers};

/// Frequency of the interval timer.
const INTERVAL_HZ: u64 = 1_193_182;
/// How long a measurement takes: 5 ms.
const INTERVAL_COUNTS: u64 = INTERVAL_HZ / 200;
/// How many there are.
const MEASUREMENTS: usize = 3;
/// Reads after which the interval timer is believed to stand still.
const PATIENCE: u32 = 200_000;
const HYPERVISOR_APIC_HZ: u64 = 1_000_000_000;
/// In a second.
const NANOSECONDS: u64 = 1_000_000_000;

static START: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds of 2³² counts.
static SCALE: AtomicU64 = AtomicU64::new(0);
/// Counts of 2³² nanoseconds.
static INVERSE: AtomicU64 = AtomicU64::new(0);
/// Counts of the local APIC's timer in 2³² counts.
static TIMER: AtomicU64 = AtomicU64::new(0);

/// How fast things count.
#[derive(Clone, Copy, Debug)]
pub struct Frequencies {
    /// Counts of the time-stamp counter in a second.
    pub time_stamp: u64,
    /// Counts of the local APIC's timer in a second.
    pub local_apic: u64,
}

/// Measures, and starts the clock.
pub fn start() -> Frequencies {
    START.store(registers::time_stamp(), Ordering::Relaxed);
    let frequencies = measure();
    let Frequencies { time_stamp, local_apic } = frequencies;
    let ratio = |of: u64, to: u64| ((u128::from(of) << 32) / u128::from(to.max(1))) as u64;
    SCALE.store(ratio(NANOSECONDS, time_stamp), Ordering::Relaxed);
    INVERSE.store(ratio(time_stamp, NANOSECONDS), Ordering::Relaxed);
    TIMER.store(ratio(local_apic, time_stamp), Ordering::Relaxed);
    frequencies
}

/// Counts of the time-stamp counter since [`start`].
pub fn counts() -> u64 {
    registers::time_stamp().wrapping_sub(START.load(Ordering::Relaxed))
}

/// Nanoseconds since [`start`]; 0 before.
pub fn now_ns() -> u64 {
    ns_of(counts())
}

/// Nanoseconds in so many counts.
pub fn ns_of(counts: u64) -> u64 {
    scaled(counts, &SCALE)
}

/// Counts in so many nanoseconds. Forever stays forever.
pub fn counts_of(nanoseconds: u64) -> u64 {
    if nanoseconds == u64::MAX { u64::MAX } else { scaled(nanoseconds, &INVERSE) }
}

/// Counts of the local APIC's timer in so many counts.
pub fn timer_counts_of(counts: u64) -> u64 {
    scaled(counts, &TIMER)
}

fn scaled(value: u64, by: &AtomicU64) -> u64 {
    let product = (u128::from(value) * u128::from(by.load(Ordering::Relaxed))) >> 32;
    u64::try_from(product).unwrap_or(u64::MAX)
}

fn measure() -> Frequencies {
    start_interval();
    local_apic::count_down();
    let first = measure_once();
    let others = (1..MEASUREMENTS).map(|_| measure_once());
    others.fold(first, |one, other| if other.time_stamp < one.time_stamp { other } else { one })
}

fn measure_once() -> Frequencies {
    let (stamp, apic) = (registers::time_stamp(), local_apic::counted());
    let first = interval();
    let mut passed = 0;
    let mut reads = 0;
    while passed < INTERVAL_COUNTS && reads < PATIENCE {
        passed = u64::from(first.wrapping_sub(interval()));
        reads += 1;
    }
    let stamps = registers::time_stamp() - stamp;
    let apics = local_apic::counted() - apic;
    if passed < INTERVAL_COUNTS {
        let apics = apics.max(1);
        let time_stamp = u128::from(stamps) * u128::from(HYPERVISOR_APIC_HZ) / u128::from(apics);
        return Frequencies { time_stamp: time_stamp as u64, local_apic: HYPERVISOR_APIC_HZ };
    }
    Frequencies {
        time_stamp: stamps * INTERVAL_HZ / passed,
        local_apic: apics * INTERVAL_HZ / passed,
    }
}

/// Lets channel 0 count down from 65536 again and again.
fn start_interval() {
    for (port, value) in [(0x43, 0x34), (0x40, 0), (0x40, 0)] {
        // SAFETY: the timer's interrupt is masked, so it only counts.
        unsafe { registers::write_port8(port, value) };
    }
}

fn interval() -> u16 {
    // SAFETY: latches the count for the two reads.
    unsafe { registers::write_port8(0x43, 0) };
    let low = registers::read_port8(0x40);
    u16::from_le_bytes([low, registers::read_port8(0x40)])
}
