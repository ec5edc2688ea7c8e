//! Interrupts and faults: what happens after [`entry`] has saved everything.
//!
//! | vector | what | answer |
//! | --- | --- | --- |
//! | 0 to 31 | fault | [`faults`]: a fixup, the death of a server, or the kernel's panic |
//! | 0x30 to 0x6f | line of an I/O APIC | [`crate::threads::interrupts`] |
//! | 0x70 | timer | watchdog, ends of loans and of sleep |
//! | 0x71 | another CPU | [`requests`] |
//! | 0x7f | spurious | nothing |
//! | 0x80 to 0xbf | message of a device | [`crate::threads::interrupts`] |

mod entry;
pub mod faults;
pub mod frame;

pub use entry::entry_of;
use frame::TrapFrame;

use crate::{
    calls,
    cpu::{
        kernel_lock, local_apic,
        requests::{self, Interruption},
    },
    threads,
};

/// The flag by which a frame says that interrupts were on.
const INTERRUPTS_ON: u64 = 0x200;

/// Called by every entry. Returns 0 to go on where the interruption came from, or the stack pointer on
/// which [`faults::end_server`] goes on instead.
extern "C" fn trap(frame: &mut TrapFrame) -> u64 {
    if frame.vector < 32 && faults::is_harmless(frame) {
        return 0;
    }
    let vector = frame.vector as u8;
    match vector {
        0..32 | local_apic::SPURIOUS_VECTOR => (),
        local_apic::TIMER_VECTOR => {
            local_apic::end_interrupt();
            threads::alarm::rang();
        }
        local_apic::REQUEST_VECTOR => {
            local_apic::end_interrupt();
            return request(frame);
        }
        _ => (),
    }
    // Where interrupts are off in kernel code, the lock is this CPU's.
    let took = frame.rflags & INTERRUPTS_ON != 0;
    let owes_end = threads::interrupts::line_of(vector).is_some();
    let mut interruption = Interruption { frame, owes_end };
    if took {
        kernel_lock::take(Some(&mut interruption));
    }
    let stack = handle(&mut interruption);
    if took && stack == 0 {
        kernel_lock::give();
    }
    stack
}

/// Another CPU asks for something, or has made something due here.
fn request(frame: &mut TrapFrame) -> u64 {
    let mut interruption = Interruption { frame, owes_end: false };
    let was_parked = requests::answer(&mut Some(&mut interruption));
    if !was_parked && !threads::is_due() {
        return 0;
    }
    if !was_parked {
        kernel_lock::take(Some(&mut interruption));
    }
    if threads::is_due() {
        threads::preempt(interruption.frame);
    }
    kernel_lock::give();
    0
}

/// Handles what is not another CPU's request, with the kernel's lock.
fn handle(interruption: &mut Interruption<'_>) -> u64 {
    let frame = &mut *interruption.frame;
    match frame.vector as u8 {
        0..32 => return faults::fault(frame),
        local_apic::TIMER_VECTOR => {
            threads::sampling::rang();
            if let Some(stack) = calls::watch(frame) {
                threads::alarm::try_again();
                faults::note(frame);
                return stack;
            }
            threads::tick(frame);
        }
        local_apic::SPURIOUS_VECTOR => (),
        vector => {
            if let Some(line) = threads::interrupts::line_of(vector) {
                threads::interrupts::arrived(line);
            }
            interruption.end();
            if threads::is_due() {
                threads::preempt(interruption.frame);
            }
        }
    }
    0
}
