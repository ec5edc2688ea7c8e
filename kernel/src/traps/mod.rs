//! Interrupts and faults: what happens after [`entry`] has saved everything.
//!
//! | vector | what | answer |
//! | --- | --- | --- |
//! | 0 to 31 | fault | [`faults`]: a fixup, the death of a server, or the kernel's panic |
//! | 0x30 to 0x6f | line of an I/O APIC | [`crate::threads::interrupts`] |
//! | 0x70 | tick | clock of the scheduler, watchdog, preemption |
//! | 0x7f | spurious | nothing |

mod entry;
pub mod faults;
pub mod frame;

pub use entry::entry_of;
use frame::TrapFrame;

use crate::{
    cpu::{io_apic, local_apic},
    threads,
};

/// Called by every entry. Returns 0 to go on where the interruption came from, or the stack pointer on
/// which [`faults::end_server`] goes on instead.
extern "C" fn trap(frame: &mut TrapFrame) -> u64 {
    match frame.vector as u8 {
        0..32 => return faults::fault(frame),
        local_apic::TICK_VECTOR => {
            local_apic::end_interrupt();
            if let Some(stack) = threads::tick(frame) {
                faults::note(frame);
                return stack;
            }
        }
        local_apic::SPURIOUS_VECTOR => (),
        vector => {
            let line = vector.wrapping_sub(io_apic::FIRST_VECTOR);
            let woken = threads::interrupts::arrived(line.into());
            local_apic::end_interrupt();
            if woken {
                // A driver runs at once: its device waits for it.
                threads::preempt(frame);
            }
        }
    }
    0
}
