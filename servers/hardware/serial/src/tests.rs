//! The register logic against a model of the chip.

use std::collections::VecDeque;
use std::convert::Infallible;

use proptest::prelude::*;

use crate::uart::{
    DATA, DIVISOR_SELECT, FIFO_BYTES, FIFO_CONTROL, INTERRUPT_ENABLE, LINE_CONTROL, LINE_STATUS,
    MODEM_CONTROL, RECEIVED, Registers, SCRATCH, SENT, receive, send, start,
};

/// The chip.
#[derive(Default)]
struct Chip {
    absent: bool,
    line_control: u8,
    divisor: [u8; 2],
    interrupt_enable: u8,
    fifo_control: u8,
    modem_control: u8,
    scratch: u8,
    arrived: VecDeque<u8>,
    sending: usize,
    sent: Vec<u8>,
    /// Looks at the status that find the transmitter busy after each byte sent.
    slowness: usize,
    busy: usize,
}

impl Registers for Chip {
    type Error = Infallible;

    fn read(&mut self, register: u16) -> Result<u8, Infallible> {
        if self.absent {
            return Ok(0xff);
        }
        Ok(match register {
            DATA => self.arrived.pop_front().expect("only what has arrived is read"),
            LINE_STATUS => self.status(),
            SCRATCH => self.scratch,
            other => panic!("register {other} is read"),
        })
    }

    fn write(&mut self, register: u16, value: u8) -> Result<(), Infallible> {
        let divisor = self.line_control & DIVISOR_SELECT != 0;
        match register {
            DATA if divisor => self.divisor[0] = value,
            INTERRUPT_ENABLE if divisor => self.divisor[1] = value,
            DATA => {
                self.sending += 1;
                assert!(self.sending <= FIFO_BYTES, "a byte is lost in the full queue");
                self.busy = self.slowness;
                self.sent.push(value);
            }
            INTERRUPT_ENABLE => self.interrupt_enable = value,
            FIFO_CONTROL => {
                // Switching the queues, or the bit for it, empties the receiver's.
                if (value ^ self.fifo_control) & 1 != 0 || value & 2 != 0 {
                    self.arrived.clear();
                }
                self.fifo_control = value;
            }
            LINE_CONTROL => self.line_control = value,
            MODEM_CONTROL => self.modem_control = value,
            SCRATCH => self.scratch = value,
            other => panic!("register {other} is written"),
        }
        Ok(())
    }
}

impl Chip {
    fn status(&mut self) -> u8 {
        let received = if self.arrived.is_empty() { 0 } else { RECEIVED };
        if self.busy > 0 {
            self.busy -= 1;
            return received;
        }
        self.sending = 0;
        received | SENT
    }
}

fn started() -> Chip {
    let mut chip = Chip::default();
    assert_eq!(start(&mut chip), Ok(true));
    chip
}

#[test]
fn starting_sets_115200_baud_and_eight_bits() {
    let chip = started();
    assert_eq!(chip.divisor, [1, 0]);
    assert_eq!(chip.line_control, 0x03);
}

#[test]
fn starting_lets_received_bytes_interrupt() {
    let chip = started();
    assert_eq!(chip.interrupt_enable, 0x01);
    assert_ne!(chip.modem_control & 0x08, 0, "the line out of the chip is closed");
    assert_eq!(chip.fifo_control & 0x01, 0x01);
}

#[test]
fn where_nothing_answers_there_is_no_uart() {
    let mut chip = Chip { absent: true, ..Chip::default() };
    assert_eq!(start(&mut chip), Ok(false));
    assert_eq!(chip.line_control, 0);
}

#[test]
fn a_busy_transmitter_takes_nothing() {
    let mut chip = started();
    chip.busy = 1;
    assert_eq!(send(&mut chip, b"a"), Ok(0));
    assert_eq!(send(&mut chip, b"a"), Ok(1));
    assert_eq!(chip.sent, b"a");
}

#[test]
fn a_driver_that_starts_again_finds_what_has_arrived() {
    let mut chip = started();
    chip.arrived.extend(b"ab");
    assert_eq!(start(&mut chip), Ok(true));
    assert_eq!(receive(&mut chip), Ok(Some(b'a')));
    assert_eq!(receive(&mut chip), Ok(Some(b'b')));
    assert_eq!(receive(&mut chip), Ok(None));
}

proptest! {
    #[test]
    fn all_bytes_are_sent_in_order(bytes: Vec<u8>, slowness in 0_usize..4) {
        let mut chip = started();
        chip.slowness = slowness;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let Ok(sent) = send(&mut chip, rest);
            rest = &rest[sent..];
        }
        prop_assert_eq!(chip.sent, bytes);
    }

    #[test]
    fn all_bytes_are_received_in_order(pieces: Vec<Vec<u8>>) {
        let mut chip = started();
        let mut received = Vec::new();
        for piece in &pieces {
            chip.arrived.extend(piece);
            received.extend(std::iter::from_fn(|| receive(&mut chip).unwrap_or(None)));
        }
        prop_assert_eq!(received, pieces.concat());
    }
}
