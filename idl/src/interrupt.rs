//! Interrupt lines.

use warren::{Cx, Ref, errors, service};

/// Why an interrupt line was refused.
#[errors]
pub enum InterruptError {
    /// There is no line with that number.
    NoSuchLine = 1,
}

/// One interrupt line.
///
/// A driver remembers the count that it has seen, looks at its device, and waits for the next one:
/// an interrupt between looking and waiting is not lost.
#[service(id = 0x1279_0001)]
pub trait InterruptLine {
    /// Opens the line and waits until its count of interrupts differs from `seen`, which is 0 at the
    /// start; returns the count. The line is closed when an interrupt arrives, and opened again by
    /// the next wait, so that a device which still asserts it is seen again.
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
}
