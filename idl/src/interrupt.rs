//! Interrupt lines.

use warren::{Cx, Flat, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::DataSpace;

/// Why an interrupt line was refused.
#[errors]
pub enum InterruptError {
    /// There is no line with that number.
    NoSuchLine = 1,
    /// The entry is not within a device's memory.
    NoEntry = 2,
    /// There is no room for another line.
    TooMany = 3,
}

/// One interrupt line.
///
/// A driver remembers the count that it has seen, looks at its device, and waits for the next one:
/// an interrupt between looking and waiting is not lost.
#[service(id = 0x1279_0001)]
pub trait InterruptLine {
    /// Opens the line and waits until its count differs from `seen`, which is 0 at the
    /// start; returns the count. The line is closed when interrupts arrive faster than they are waited for, and opened again by
    /// the next wait, which may then return, and have counted one, although nothing has happened: the driver looks at its device.
    fn wait(cx: &mut Cx<'_, Self>, seen: u64) -> Result<u64, InterruptError>;
}

/// All interrupt lines.
#[service(id = 0x1279_0002)]
pub trait Interrupts {
    /// The line with this number (global system interrupt).
    fn line<'f>(
        cx: &mut Cx<'f, Self>,
        number: u32,
    ) -> Result<Ref<'f, dyn InterruptLine>, InterruptError>;
    /// The line of a device that interrupts by messages, which stand in a table in the device's own memory (PCI Local Bus Specification
    /// 3.0, section 6.8.2). Its entry lies at `offset`, a multiple of 8, in `registers`. Whoever asks for the line hands the entry over: from then on the
    /// system alone writes it, with a message of its own choice. The same entry is always the same line.
    fn message<'f>(
        cx: &mut Cx<'f, Self>,
        registers: Ref<'f, dyn DataSpace>,
        offset: u64,
    ) -> Result<Ref<'f, dyn InterruptLine>, InterruptError>;
}

/// What is known of a line that is in use.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct LineStatus {
    /// Its number.
    pub line: u32,
    /// [`LineStatus::LEVEL`], [`LineStatus::EDGE`] or [`LineStatus::MESSAGE`].
    pub kind: u32,
    /// The CPU that it interrupts at present.
    pub cpu: u32,
    /// How many CPUs it may interrupt.
    pub cpus: u32,
    /// Interrupts since the system started.
    pub count: u64,
}

impl LineStatus {
    /// `kind`: its device holds a level until it has been served.
    pub const LEVEL: u32 = 1;
    /// `kind`: its device sends an edge.
    pub const EDGE: u32 = 2;
    /// `kind`: its device sends a message.
    pub const MESSAGE: u32 = 3;
}

impl Flat for LineStatus {}

/// What interrupts, and how often.
#[service(id = 0x1279_0004)]
pub trait InterruptCounts {
    /// The first line in use whose number is at least `from`; [`InterruptError::NoSuchLine`] after the last one. Fills `by_cpu` with how many
    /// of its interrupts each CPU has taken, of as many as there is room for: words of 64 bits, which make up the line's count.
    fn line(
        cx: &mut Cx<'_, Self>,
        from: u32,
        by_cpu: &mut [u8],
    ) -> Result<LineStatus, InterruptError>;
}
