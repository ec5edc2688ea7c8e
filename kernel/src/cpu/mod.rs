//! The processor: its registers, tables, clocks and interrupt controllers.

pub mod block;
pub mod clock;
pub mod descriptors;
pub mod extended;
pub mod features;
pub mod interrupts;
pub mod io_apic;
pub mod local;
pub mod local_apic;
pub mod registers;

/// This CPU's number: 0 for the one that boots. With interrupts off: elsewhere the thread may be on another one as soon as this
/// returns.
pub fn number() -> usize {
    block::local().number
}
