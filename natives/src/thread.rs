//! Names of threads.

use alloc::string::String;

/// Bytes of a thread's name that are kept: the platform holds it, whoever makes the thread.
const NAME_BYTES: usize = 64;

/// The name of a new thread, copied from its maker's memory.
pub fn thread_name(name: &str) -> String {
    String::from(&name[..name.floor_char_boundary(NAME_BYTES)])
}
