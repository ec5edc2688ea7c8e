//! Making the machine stop.
#![expect(unsafe_code, reason = "ports that stop the machine")]

use crate::cpu::{
    interrupts,
    registers::{write_port8, write_port16},
};

/// QEMU's `isa-debug-exit` device.
const DEBUG_EXIT: u16 = 0xf4;

/// Stops the machine. Under QEMU with `isa-debug-exit` it ends with the status `code × 2 + 1`.
pub fn exit(code: u8) -> ! {
    // SAFETY: the machine is meant to stop; where the device is absent nothing happens.
    unsafe { write_port8(DEBUG_EXIT, code) };
    // Where QEMU's machines have their power switch: q35, older pc.
    for port in [0x604, 0xb004] {
        // SAFETY: as above; SLP_EN with the type of "off".
        unsafe { write_port16(port, 0x2000) };
    }
    interrupts::stop()
}
