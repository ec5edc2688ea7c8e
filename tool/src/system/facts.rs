//! What server files say of themselves, and what the platforms provide.
//!
//! The checker believes nothing else of a server: these facts come from the descriptions in the files
//! that the build made, so that a system is checked against the very bytes that will run.

use std::collections::BTreeMap;

use warren_engine::file::{Description, Service};

/// All server files by name.
pub type Facts = BTreeMap<String, Description>;

/// The service with this ID, if the server's root provides it.
pub fn provided(server: &Description, id: u32) -> Option<&Service> {
    server.provides.iter().find(|provided| provided.id == id)
}

/// Who may have an object that the platform provides itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every server that asks: it can do no harm to others with it.
    Everybody,
    /// Servers for which the system file says `grant`.
    Granted,
}

/// A service that the platform provides itself.
#[derive(Clone, Copy, Debug)]
pub struct Native {
    /// ID of the service.
    pub id: u32,
    /// Its name.
    pub name: &'static str,
    /// Who may have it.
    pub reach: Reach,
    /// Whether the hosted platform has it too.
    pub hosted: bool,
}

const fn native(id: u32, name: &'static str, reach: Reach, hosted: bool) -> Native {
    Native { id, name, reach, hosted }
}

/// What kernel and hosted platform provide themselves.
pub const NATIVES: [Native; 13] = [
    native(0xc10c_0001, "Clock", Reach::Everybody, true),
    native(0xc10c_0002, "Timer", Reach::Everybody, true),
    native(0xda7a_0002, "Memory", Reach::Everybody, true),
    native(0xda7a_0004, "AddressSpace", Reach::Everybody, true),
    native(0x9a2a_0001, "Parameters", Reach::Everybody, true),
    native(0x1090_0001, "Log", Reach::Everybody, true),
    native(0x7452_0002, "ThreadFactory", Reach::Everybody, true),
    native(0x1a0c_0001, "Launcher", Reach::Granted, true),
    native(0x5c00_0001, "SystemControl", Reach::Granted, true),
    native(0x90e2_0001, "Power", Reach::Granted, true),
    native(0x1090_0003, "PortSpace", Reach::Granted, false),
    native(0xda7a_0003, "PhysicalMemory", Reach::Granted, false),
    native(0x1279_0002, "Interrupts", Reach::Granted, false),
];

/// The native with this ID.
pub fn native_service(id: u32) -> Option<&'static Native> {
    NATIVES.iter().find(|native| native.id == id)
}

/// Objects that only the hosted platform has, and the service that each provides.
pub const HOSTED_OBJECTS: [(&str, u32); 2] =
    [("disk-image", 0xb10c_0001), ("console", 0xc015_0001)];

/// Services that a node of the system file stands for, or that the checker treats specially.
pub mod service {
    /// `PciBus`.
    pub const PCI_BUS: u32 = 0x0c1b_0001;
    /// `PciDevice`.
    pub const PCI_DEVICE: u32 = 0x0c1b_0002;
    /// `IoPorts`.
    pub const IO_PORTS: u32 = 0x1090_0002;
    /// `InterruptLine`.
    pub const INTERRUPT_LINE: u32 = 0x1279_0001;
    /// `Launcher`.
    pub const LAUNCHER: u32 = 0x1a0c_0001;
    /// `FileSystem`.
    pub const FILE_SYSTEM: u32 = 0xf11e_0002;
    /// `Program`.
    pub const PROGRAM: u32 = 0x7452_0001;
}
