//! Interrupts of a device that interrupts when it is told to: QEMU's `edu` (docs/specs/edu.txt of QEMU).

use alloc::vec::Vec;

use warren::{Cx, cycles};
use warren_idl::{PciError, map_space};

use crate::{
    Run,
    output::{Failure, row},
    signals::{ROUNDS, Signals, TRIES},
};

const VENDOR: u16 = 0x1234;
const DEVICE: u16 = 0x11e8;
/// Registers: whatever is written to the first one interrupts, and the second one takes it back.
const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;

/// The partner waits for the device's interrupts. No rows, if there is no such device.
pub fn interrupts(cx: &mut Cx<'_, Run>, output: &mut Vec<u8>) -> Result<(), Failure> {
    let Some(bus) = cx.req().bus.get() else { return Ok(()) };
    let device = match bus.find(cx, VENDOR, DEVICE, 0) {
        Err(PciError::NotFound) => return Ok(()),
        found => found?,
    };
    device.enable(cx)?;
    let memory = device.memory(cx, 0)?;
    let registers = map_space(cx, &cx.req().address_space, memory)?;
    let line = device.interrupt(cx)?;
    for rounds in TRIES {
        cx.scope(|cx| {
            let mut signals = Signals::new(cx)?;
            let partner = cx.req().urgent.as_ref();
            let thread = partner.handle(cx, line, signals.call, signals.answerer, rounds)?;
            let mut raised = 0_u64;
            for _ in 0..rounds {
                // The partner runs, and waits for the line, before this thread goes on.
                signals.raiser.raise()?;
                raised = raised.wrapping_add(cycles());
                registers.write_u32(RAISE, 1);
                signals.wait(cx)?;
                registers.write_u32(ACKNOWLEDGE, 1);
            }
            let handled = thread.join(cx)?;
            if rounds == ROUNDS {
                let until_handled = handled.wrapping_sub(raised);
                row(output, "interrupt until its handler runs", until_handled, rounds);
            }
            Ok::<_, Failure>(())
        })?;
    }
    Ok(())
}
