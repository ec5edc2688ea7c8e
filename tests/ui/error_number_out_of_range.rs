//! Numbers from 0x10000 up are the system's, and 0 is success.

use warren::errors;

#[errors]
pub enum TooSmall {
    /// It is nothing.
    Nothing = 0,
}

#[errors]
pub enum TooLarge {
    /// It is too much.
    Much = 0x1_0000,
}

#[errors]
pub enum Missing {
    /// It has none.
    None,
}

#[errors]
pub enum Twice {
    /// It comes first.
    First = 1,
    /// It comes again.
    Second = 1,
}

fn main() {}
