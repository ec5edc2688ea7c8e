//! A panic is the death of the server, or the end of the activation in a server that survives panics: its message goes
//! to the system's log.
#![expect(unsafe_code, reason = "a system call")]

use core::{
    fmt::{Result, Write},
    panic::PanicInfo,
};

use warren::raw::calls;

/// Bytes of a message that are kept.
const MESSAGE_BYTES: usize = 256;

/// A text that ends where its memory does.
struct Message {
    bytes: [u8; MESSAGE_BYTES],
    length: usize,
}

impl Message {
    fn of(information: &PanicInfo<'_>) -> Self {
        let mut message = Message { bytes: [0; MESSAGE_BYTES], length: 0 };
        if let Some(location) = information.location() {
            let _ = write!(message, "{}:{}: ", location.file(), location.line());
        }
        let _ = write!(message, "{}", information.message());
        message
    }

    fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> Result {
        let rest = &mut self.bytes[self.length..];
        let count = text.floor_char_boundary(rest.len());
        rest[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

#[panic_handler]
fn panic(information: &PanicInfo<'_>) -> ! {
    let message = Message::of(information);
    #[cfg(panic = "unwind")]
    crate::unwind::leave(message.text());
    // SAFETY: a panic happens in an activation, and the text is as long as it says.
    unsafe { calls::panic(message.text().as_ptr(), message.text().len()) }
}
