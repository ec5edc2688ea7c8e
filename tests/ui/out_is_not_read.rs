//! What is in the caller's buffer is not the callee's to see.

use warren::Out;

pub fn case(buffer: Out<'_>) -> u8 {
    buffer[0]
}

fn main() {}
