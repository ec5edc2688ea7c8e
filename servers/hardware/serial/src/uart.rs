//! The registers of a 16550 UART (National Semiconductor PC16550D, 1995) and what to do with them.

/// Eight registers of one byte, wherever they are.
pub trait Registers {
    /// Why one cannot be reached.
    type Error;
    /// Reads the register at this offset.
    fn read(&mut self, register: u16) -> Result<u8, Self::Error>;
    /// Writes it.
    fn write(&mut self, register: u16, value: u8) -> Result<(), Self::Error>;
}

/// Received byte when read, byte to send when written. Low byte of the divisor if so selected.
pub const DATA: u16 = 0;
/// Which events interrupt. High byte of the divisor if so selected.
pub const INTERRUPT_ENABLE: u16 = 1;
/// The queues, when written; what interrupts and whether there are queues, when read.
pub const FIFO_CONTROL: u16 = 2;
/// Form of a character, and which registers 0 and 1 are.
pub const LINE_CONTROL: u16 = 3;
/// Output lines.
pub const MODEM_CONTROL: u16 = 4;
/// What is ready.
pub const LINE_STATUS: u16 = 5;
/// A byte that means nothing.
pub const SCRATCH: u16 = 7;

/// Interrupt when bytes have arrived.
const INTERRUPT_RECEIVED: u8 = 0x01;
/// Both queues on, with what is in them; an interrupt when 8 bytes wait, or fewer for a while.
const FIFO_ON: u8 = 0x81;
/// Eight bits, no parity, one stop bit.
const EIGHT_BITS: u8 = 0x03;
/// Registers 0 and 1 are the divisor.
pub const DIVISOR_SELECT: u8 = 0x80;
/// Ready to talk, ready to hear, and the line that lets interrupts out of the chip.
const READY: u8 = 0x0b;
/// A byte has arrived.
pub const RECEIVED: u8 = 0x01;
/// The queue of bytes to send is empty.
pub const SENT: u8 = 0x20;

/// Divisor for 115200 baud.
const DIVISOR: u16 = 1;

/// Bytes that fit into the queue of bytes to send.
pub const FIFO_BYTES: usize = 16;

/// Sets the UART up; `false` if there is none.
///
/// Queues that are on already keep their bytes: a driver that is restarted goes on where the one
/// before it ended.
pub fn start<R: Registers>(registers: &mut R) -> Result<bool, R::Error> {
    if !is_there(registers)? {
        return Ok(false);
    }
    let [low, high] = DIVISOR.to_le_bytes();
    registers.write(INTERRUPT_ENABLE, 0)?;
    registers.write(LINE_CONTROL, DIVISOR_SELECT)?;
    registers.write(DATA, low)?;
    registers.write(INTERRUPT_ENABLE, high)?;
    registers.write(LINE_CONTROL, EIGHT_BITS)?;
    registers.write(FIFO_CONTROL, FIFO_ON)?;
    registers.write(MODEM_CONTROL, READY)?;
    registers.write(INTERRUPT_ENABLE, INTERRUPT_RECEIVED)?;
    Ok(true)
}

/// The oldest byte that has arrived.
pub fn receive<R: Registers>(registers: &mut R) -> Result<Option<u8>, R::Error> {
    if registers.read(LINE_STATUS)? & RECEIVED == 0 {
        return Ok(None);
    }
    registers.read(DATA).map(Some)
}

/// Sends from the start of `bytes` what fits into the chip now; returns how many bytes that were.
pub fn send<R: Registers>(registers: &mut R, bytes: &[u8]) -> Result<usize, R::Error> {
    if registers.read(LINE_STATUS)? & SENT == 0 {
        return Ok(0);
    }
    let count = bytes.len().min(FIFO_BYTES);
    for byte in &bytes[..count] {
        registers.write(DATA, *byte)?;
    }
    Ok(count)
}

/// Whether the scratch register keeps what is written to it: nothing else there does.
fn is_there<R: Registers>(registers: &mut R) -> Result<bool, R::Error> {
    for pattern in [0x55, 0xaa] {
        registers.write(SCRATCH, pattern)?;
        if registers.read(SCRATCH)? != pattern {
            return Ok(false);
        }
    }
    Ok(true)
}
