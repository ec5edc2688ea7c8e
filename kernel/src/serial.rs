//! The serial ports as the kernel's own output: polled, eight data bits, no interrupts.
//!
//! A driver server may take over the port that the log does not use.
#![expect(unsafe_code, reason = "ports of the serial controller")]

use core::fmt;

use crate::cpu::registers::{read_port8, write_port8};

/// The first port's registers.
pub const COM1: u16 = 0x3f8;
/// The second port's registers.
pub const COM2: u16 = 0x2f8;

const LINE_CONTROL: u16 = 3;
const MODEM_CONTROL: u16 = 4;
const LINE_STATUS: u16 = 5;
const SCRATCH: u16 = 7;
const CAN_SEND: u8 = 0x20;
/// A port that never gets ready is not waited for longer than this.
const PATIENCE: u32 = 100_000;

/// A 16550 at some ports.
#[derive(Clone, Copy, Debug)]
pub struct Serial {
    first: u16,
}

impl Serial {
    /// The controller at these ports, set to 115200 bits a second, if there is one.
    pub fn find(first: u16) -> Option<Self> {
        let serial = Serial { first };
        serial.write(SCRATCH, 0x5a);
        if serial.read(SCRATCH) != 0x5a {
            return None;
        }
        let settings = [(1, 0), (LINE_CONTROL, 0x80), (0, 1), (1, 0), (LINE_CONTROL, 3), (2, 7)];
        for (register, value) in settings {
            serial.write(register, value);
        }
        serial.write(MODEM_CONTROL, 0x0b);
        Some(serial)
    }

    /// Sends a byte.
    pub fn send(self, byte: u8) {
        for _ in 0..PATIENCE {
            if self.read(LINE_STATUS) & CAN_SEND != 0 {
                break;
            }
        }
        self.write(0, byte);
    }

    fn read(self, register: u16) -> u8 {
        read_port8(self.first + register)
    }

    fn write(self, register: u16, value: u8) {
        // SAFETY: a serial controller does not reach memory.
        unsafe { write_port8(self.first + register, value) };
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.send(b'\r');
            }
            self.send(byte);
        }
        Ok(())
    }
}
