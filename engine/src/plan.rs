//! The boot plan: a system file after the tool checked and resolved it, as kernel and hosted read it.
//!
//! The tool makes every decision that can be made before boot: names became indices, each requirement
//! has one [`Binding`], placements are chosen. What is left is to be carried out. The plan lies
//! in the boot archive beside the server files that it names.
//!
//! # Why a format of its own
//!
//! The types are few and flat, and the reader runs in the kernel before anything else does. Sixty
//! lines that are read at once are worth more there than a framework. The format has no promise beyond
//! [`VERSION`]: tool and kernel are built together, and another version is refused.
//!
//! # What a decoded plan guarantees
//!
//! [`decode`] refuses a plan that [`Plan::check`] refuses: every index leads somewhere, names are unique, and
//! requirements, substitutes, parents and schedulers form no cycle, so that whoever follows them comes to an end.

use alloc::{string::String, vec::Vec};

pub use crate::space::Placement;

mod check;
mod decode;
mod encode;
mod principal;
#[cfg(test)]
mod tests;

pub use check::Fault;
pub use decode::{PlanError, decode};
pub use encode::encode;
pub use principal::{
    LONGEST_PERIOD_NS, PRINCIPALS, PlannedPrincipal, PrincipalLimits, SYSTEM, Terms, WHOLE,
};

/// First bytes of a plan.
pub const MAGIC: [u8; 4] = *b"WPLN";
/// Version of the format.
pub const VERSION: u16 = 4;

/// Servers of one system.
pub const SERVERS: usize = 1024;

/// A whole system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Name of the system.
    pub system: String,
    /// Who pays. The first is the system's own, [`SYSTEM`]; each comes after its parent.
    pub principals: Vec<PlannedPrincipal>,
    /// Its servers. Indices into this list stand for servers in the whole plan.
    pub servers: Vec<PlannedServer>,
    /// Servers to start at boot, in this order: tasks run, the others are loaded.
    /// Servers that are not named here are loaded when they are first needed.
    pub start: Vec<usize>,
}

/// One server of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedServer {
    /// Its name in the system, unique.
    pub name: String,
    /// Name of its file in the boot archive, `ramdisk` for example.
    pub file: String,
    /// What it does as a program, in a line; `None` if it is none.
    pub program: Option<String>,
    /// Where it runs.
    pub placement: Placement,
    /// One for each requirement, in the order of the file's description.
    pub bindings: Vec<Binding>,
    /// Names and values that it reads by the service `Parameters`.
    pub parameters: Vec<(String, String)>,
    /// What it may use.
    pub limits: Limits,
    /// Whether it comes back after it died.
    pub restart: Restart,
    /// The server to use in its place when it cannot be had, because its device is absent for example.
    pub otherwise: Option<usize>,
    /// Index of the principal that pays for what the server starts on its own account.
    pub principal: usize,
}

/// What a requirement is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Nothing; the requirement is optional.
    Absent,
    /// The root object of another server that provides this service.
    Server {
        /// Index of the server.
        server: usize,
        /// ID of the service.
        service: u32,
    },
    /// The object by which kernel or hosted platform provides this service itself.
    Native {
        /// ID of the service.
        service: u32,
    },
    /// A range of I/O ports.
    Ports {
        /// Its first port.
        first: u16,
        /// Number of ports.
        count: u16,
    },
    /// An interrupt line.
    Interrupt {
        /// Its number.
        line: u32,
    },
    /// A device that is searched for on a bus when the server is loaded.
    Device {
        /// Index of the server that provides the bus.
        bus: usize,
        /// Pairs of vendor and device that will do.
        ids: Vec<(u16, u16)>,
        /// Which of the devices that fit, from 0.
        nth: u32,
    },
    /// An object of the hosted platform that has no counterpart on the machine.
    HostedNative {
        /// The platform's name for it.
        name: String,
    },
}

impl Binding {
    /// The server that the binding needs.
    pub fn server(&self) -> Option<usize> {
        match self {
            Binding::Server { server, .. } => Some(*server),
            Binding::Device { bus, .. } => Some(*bus),
            _ => None,
        }
    }
}

/// What a server may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of heap; 0 for the platform's default.
    pub memory_bytes: u64,
    /// Time after which a call that neither returns nor calls is ended; 0 for the platform's default.
    pub watchdog_ms: u32,
}

/// Whether a server comes back after it died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restart {
    /// How often within the window; 0 for never.
    pub times: u32,
    /// Length of the window.
    pub window_ms: u32,
    /// How long it pauses before it comes back when it dies more often; 0 if it stays dead then.
    pub pause_ms: u32,
}
