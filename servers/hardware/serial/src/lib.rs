//! The serial port: a 16550 UART as a console.
//!
//! # Shape
//!
//! [`uart`] knows the registers and is tested against a model of the chip. [`Serial`] is the server
//! around it.
//!
//! # Reading waits, writing polls
//!
//! A reader waits for the interrupt line, which frees the server's lock, so that others write
//! meanwhile. A writer polls the transmitter: a line of text is sent in less time than an interrupt for
//! each 16 bytes of it would cost. It frees the lock after each burst, so that a long text does not keep
//! others out.
//!
//! # State, and what a restart loses
//!
//! Nothing. Bytes stay in the chip until somebody reads them, and a new driver does not clear it, so
//! that a script's input survives the death of its driver. The price: on a port without flow control,
//! what is typed beyond the chip's 16 bytes while nobody reads or polls is lost.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;
mod uart;

use warren::{Cx, New, Out, Req, Required, Server, StartError, server};
use warren_idl::{Console, ConsoleError, InterruptError, InterruptLine, IoPorts, PortError};

use crate::uart::Registers;

/// Bytes that a writer sends before it lets others in: most lines stay whole.
const BURST_BYTES: usize = 256;

/// Looks at a busy transmitter before it counts as broken: hundreds of times what 16 bytes take.
const PATIENCE: u32 = 1_000_000;

/// What the driver needs.
#[derive(Required)]
pub struct Needs {
    ports: Req<dyn IoPorts>,
    interrupt: Req<dyn InterruptLine>,
}

/// A serial port.
#[server(provides(Console))]
pub struct Serial {
    /// Interrupts seen so far.
    seen: u64,
}

impl Server for Serial {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        match uart::start(&mut Ports(&cx.req().ports))? {
            true => Ok(Serial { seen: 0 }),
            false => Err(StartError::new("there is no UART at these ports")),
        }
    }
}

impl Console for Serial {
    fn read(cx: &mut Cx<'_, Self>, mut buffer: Out<'_>) -> Result<u64, ConsoleError> {
        loop {
            let count = Self::take(cx, &mut buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let seen = cx.seen;
            cx.seen = cx.req().interrupt.wait(cx, seen).map_err(interrupt_failed)?;
        }
    }

    fn poll(cx: &mut Cx<'_, Self>, mut buffer: Out<'_>) -> Result<u64, ConsoleError> {
        Self::take(cx, &mut buffer)
    }

    fn write(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), ConsoleError> {
        for burst in bytes.chunks(BURST_BYTES) {
            Self::send(cx, burst)?;
            cx.unlocked(|_| ());
        }
        Ok(())
    }
}

impl Serial {
    /// Moves what has arrived to the buffer.
    fn take(cx: &Cx<'_, Self>, buffer: &mut Out<'_>) -> Result<u64, ConsoleError> {
        let mut ports = Ports(&cx.req().ports);
        let mut count = 0;
        while count < buffer.len()
            && let Some(byte) = uart::receive(&mut ports).map_err(port_failed)?
        {
            count += buffer.write(count, &[byte]);
        }
        Ok(count as u64)
    }

    /// Sends all bytes.
    fn send(cx: &Cx<'_, Self>, mut bytes: &[u8]) -> Result<(), ConsoleError> {
        let mut ports = Ports(&cx.req().ports);
        let mut patience = PATIENCE;
        while !bytes.is_empty() {
            let sent = uart::send(&mut ports, bytes).map_err(port_failed)?;
            bytes = &bytes[sent..];
            patience = if sent > 0 { PATIENCE } else { patience - 1 };
            if patience == 0 {
                return Err(ConsoleError::Device);
            }
        }
        Ok(())
    }
}

/// The registers behind I/O ports.
struct Ports<'a>(&'a Req<dyn IoPorts>);

impl Registers for Ports<'_> {
    type Error = PortError;

    fn read(&mut self, register: u16) -> Result<u8, PortError> {
        self.0.read8(register)
    }

    fn write(&mut self, register: u16, value: u8) -> Result<(), PortError> {
        self.0.write8(register, value)
    }
}

fn port_failed(error: PortError) -> ConsoleError {
    match error {
        PortError::System(error) => error.into(),
        _ => ConsoleError::Device,
    }
}

fn interrupt_failed(error: InterruptError) -> ConsoleError {
    match error {
        InterruptError::System(error) => error.into(),
        _ => ConsoleError::Device,
    }
}
