//! A panic is the death of the server: its message goes to the system's log.
#![expect(unsafe_code, reason = "a system call")]

use core::fmt::{Result, Write};

use warren::raw::calls;

/// Bytes of a message that are kept.
const MESSAGE_BYTES: usize = 256;

/// A text that ends where its memory does.
struct Message {
    bytes: [u8; MESSAGE_BYTES],
    length: usize,
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
fn panic(information: &core::panic::PanicInfo<'_>) -> ! {
    let mut message = Message { bytes: [0; MESSAGE_BYTES], length: 0 };
    if let Some(location) = information.location() {
        let _ = write!(message, "{}:{}: ", location.file(), location.line());
    }
    let _ = write!(message, "{}", information.message());
    // SAFETY: a panic happens in an activation, and the text is as long as it says.
    unsafe { calls::panic(message.bytes.as_ptr(), message.length) }
}
