//! The processor: its registers, tables, clocks and interrupt controllers.

pub mod block;
pub mod clock;
pub mod descriptors;
pub mod extended;
pub mod features;
pub mod interrupts;
pub mod io_apic;
pub mod local_apic;
pub mod registers;
