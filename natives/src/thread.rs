//! Names of threads.

use alloc::string::String;

/// Bytes of a thread's name that are kept: the platform holds it, whoever makes the thread.
const NAME_BYTES: usize = 64;

/// The first characters of a text, as many as `bytes` hold.
pub fn start_of(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// The name of a new thread, copied from its maker's memory.
pub fn thread_name(name: &str) -> String {
    String::from(start_of(name, NAME_BYTES))
}
