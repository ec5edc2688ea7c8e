//! Lines of JSON.

use alloc::{format, string::String, vec::Vec};

use warren::SystemError;
use warren_idl::{MemoryError, PartnerError, PciError, SignalError, ThreadError};

/// Why the measurement ends.
pub enum Failure {
    /// A partner.
    Partner(PartnerError),
    /// A signal.
    Signal(SignalError),
    /// A thread.
    Thread(ThreadError),
    /// The device.
    Device(PciError),
    /// The device's memory.
    Memory(MemoryError),
    /// Anything else.
    System(SystemError),
}

macro_rules! failures {
    ($($variant:ident($error:ty)),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Failure::$variant(error)
            }
        })+

        impl Failure {
            /// As a line.
            pub fn line(&self) -> String {
                match self {
                    $(Failure::$variant(error) => format!("{{\"error\":\"{error}\"}}\n"),)+
                }
            }
        }
    };
}

failures!(
    Partner(PartnerError),
    Signal(SignalError),
    Thread(ThreadError),
    Device(PciError),
    Memory(MemoryError),
    System(SystemError)
);

/// Writes what `ticks` are in the mean of so many rounds.
pub fn row(output: &mut Vec<u8>, what: &str, ticks: u64, rounds: u64) {
    let thousandths = ticks * 1000 / rounds.max(1);
    let (whole, part) = (thousandths / 1000, thousandths % 1000);
    output.extend(format!("{{\"what\":\"{what}\",\"whole\":{whole}.{part:03}}}\n").bytes());
}
