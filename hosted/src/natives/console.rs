//! The console: standard input and standard output.
#![expect(
    unsafe_code,
    reason = "reads and writes by the C library: the standard one's locks know no Warren threads"
)]

use warren::{Cx, Out};
use warren_idl::{Console, ConsoleError};

use crate::{schedule, terminal};

/// Bytes that are read or written at once: a pipe that is ready to be written takes that many.
const PIECE: usize = 4096;

/// Standard input and standard output.
pub struct Standard(());

warren_natives::natives!(Standard);

impl Standard {
    /// The console. If standard input is a terminal it becomes raw.
    pub fn open() -> Self {
        terminal::make_raw();
        Standard(())
    }
}

impl Console for Standard {
    fn read(_: &mut Cx<'_, Self>, mut buffer: Out<'_>) -> Result<u64, ConsoleError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match arrived(&mut buffer)? {
                0 => schedule::block_on_descriptor(libc::STDIN_FILENO, libc::POLLIN)?,
                count => return Ok(count),
            }
        }
    }

    fn poll(_: &mut Cx<'_, Self>, mut buffer: Out<'_>) -> Result<u64, ConsoleError> {
        arrived(&mut buffer)
    }

    fn write(_: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), ConsoleError> {
        for piece in bytes.chunks(PIECE) {
            // A copy: a wild buffer is met here, and the caller dies of it.
            let mut copy = [0; PIECE];
            copy[..piece.len()].copy_from_slice(piece);
            write_all(&copy[..piece.len()])?;
        }
        Ok(())
    }
}

/// Reads what has arrived; 0 if nothing has.
fn arrived(buffer: &mut Out<'_>) -> Result<u64, ConsoleError> {
    if buffer.is_empty() || !is_ready(libc::STDIN_FILENO, libc::POLLIN) {
        return Ok(0);
    }
    let mut piece = [0_u8; PIECE];
    let wanted = buffer.len().min(PIECE);
    // SAFETY: the array is ours and large enough.
    let count = unsafe { libc::read(libc::STDIN_FILENO, piece.as_mut_ptr().cast(), wanted) };
    match usize::try_from(count) {
        Ok(0) => Err(ConsoleError::Ended),
        Ok(count) => Ok(buffer.fill_from(&piece[..count]) as u64),
        Err(_) => Err(ConsoleError::Device),
    }
}

/// Writes all of a piece; other threads run while standard output takes nothing.
fn write_all(mut rest: &[u8]) -> Result<(), ConsoleError> {
    while !rest.is_empty() {
        if !is_ready(libc::STDOUT_FILENO, libc::POLLOUT) {
            schedule::block_on_descriptor(libc::STDOUT_FILENO, libc::POLLOUT)?;
        }
        // SAFETY: the slice is readable.
        let count = unsafe { libc::write(libc::STDOUT_FILENO, rest.as_ptr().cast(), rest.len()) };
        let count = usize::try_from(count).map_err(|_| ConsoleError::Device)?;
        rest = &rest[count..];
    }
    Ok(())
}

/// Whether a descriptor has one of these events, its end included.
fn is_ready(descriptor: i32, events: i16) -> bool {
    let mut poll = libc::pollfd { fd: descriptor, events, revents: 0 };
    // SAFETY: the structure is ours.
    let count = unsafe { libc::poll(&mut poll, 1, 0) };
    count == 1
}
