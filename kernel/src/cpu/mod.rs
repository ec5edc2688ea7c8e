//! The processor: its registers, tables, clocks and interrupt controllers.

pub mod block;
pub mod clock;
pub mod critical;
pub mod descriptors;
pub mod extended;
pub mod features;
pub mod interrupts;
pub mod io_apic;
pub mod kernel_lock;
pub mod local;
pub mod local_apic;
pub mod messages;
pub mod page_tables;
pub mod registers;
pub mod requests;

/// This CPU's number: 0 for the one that boots. With interrupts off: elsewhere the thread may be on another one as soon as this
/// returns.
pub fn number() -> usize {
    block::local().number
}

/// How many CPUs run.
pub use local::count;
