//! Interrupts and faults: what happens after [`entry`] has saved everything.
//!
//! | vector | what | answer |
//! | --- | --- | --- |
//! | 0 to 31 | fault | [`faults`]: a fixup, the death of a server, or the kernel's panic |
//! | 0x30 to 0x6f | line of an I/O APIC | [`crate::threads::interrupts`] |
//! | 0x70 | timer | watchdog, ends of loans and of sleep |
//! | 0x7f | spurious | nothing |

mod entry;
pub mod faults;
pub mod frame;

pub use entry::entry_of;
use frame::TrapFrame;

use crate::{
    calls,
    cpu::{io_apic, local_apic},
    threads,
};

/// Called by every entry. Returns 0 to go on where the interruption came from, or the stack pointer on
/// which [`faults::end_server`] goes on instead.
extern "C" fn trap(frame: &mut TrapFrame) -> u64 {
    match frame.vector as u8 {
        0..32 => return faults::fault(frame),
        local_apic::TIMER_VECTOR => {
            local_apic::end_interrupt();
            threads::alarm::rang();
            if let Some(stack) = calls::watch(frame) {
                threads::alarm::try_again();
                faults::note(frame);
                return stack;
            }
            threads::preempt(frame);
        }
        local_apic::SPURIOUS_VECTOR => (),
        vector => {
            let line = vector.wrapping_sub(io_apic::FIRST_VECTOR);
            threads::interrupts::arrived(line.into());
            local_apic::end_interrupt();
            if threads::is_due() {
                threads::preempt(frame);
            }
        }
    }
    0
}
