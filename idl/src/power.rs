//! Making the machine stop.

use warren::{Cx, errors, service};

/// Why the machine goes on.
#[errors]
pub enum PowerError {
    /// The machine has no way to be switched off.
    Unsupported = 1,
}

/// The machine's switch.
#[service(id = 0x90e2_0001)]
pub trait Power {
    /// Stops the machine. Where somebody waits for it, `status` is what they get.
    fn off(cx: &mut Cx<'_, Self>, status: u32) -> Result<(), PowerError>;
}
