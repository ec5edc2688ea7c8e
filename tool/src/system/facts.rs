//! What server files say of themselves, and what the platforms provide.
//!
//! The checker believes nothing else of a server: these facts come from the descriptions in the files
//! that the build made, so that a system is checked against the very bytes that will run.

use std::collections::BTreeMap;

use warren::Service as Named;
use warren_engine::file::{Description, Service};
use warren_idl as idl;

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
    /// Which platforms have it.
    pub on: Platforms,
}

/// Platforms that have an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platforms {
    /// Both.
    Both,
    /// The bare machine: it is hardware.
    Machine,
    /// Linux processes: it is Linux's.
    Linux,
}

const fn native<S: Named + ?Sized>(reach: Reach, on: Platforms) -> Native {
    Native { id: S::ID, name: S::NAME, reach, on }
}

/// What kernel and hosted platform provide themselves.
pub const NATIVES: [Native; 20] = [
    native::<dyn idl::Clock>(Reach::Everybody, Platforms::Both),
    native::<dyn idl::Timer>(Reach::Everybody, Platforms::Both),
    native::<dyn idl::Memory>(Reach::Everybody, Platforms::Both),
    native::<dyn idl::AddressSpace>(Reach::Everybody, Platforms::Both),
    native::<dyn idl::Parameters>(Reach::Everybody, Platforms::Both),
    native::<dyn idl::Log>(Reach::Everybody, Platforms::Both),
    native::<dyn idl::ThreadFactory>(Reach::Everybody, Platforms::Both),
    native::<dyn idl::Signals>(Reach::Everybody, Platforms::Both),
    native::<dyn idl::Entropy>(Reach::Everybody, Platforms::Both),
    native::<dyn idl::Wire>(Reach::Granted, Platforms::Linux),
    native::<dyn idl::Launcher>(Reach::Granted, Platforms::Both),
    native::<dyn idl::Principals>(Reach::Granted, Platforms::Both),
    native::<dyn idl::SystemControl>(Reach::Granted, Platforms::Both),
    native::<dyn idl::Power>(Reach::Granted, Platforms::Both),
    native::<dyn idl::LogFeed>(Reach::Granted, Platforms::Both),
    native::<dyn idl::Accounts>(Reach::Granted, Platforms::Both),
    native::<dyn idl::InterruptCounts>(Reach::Granted, Platforms::Machine),
    native::<dyn idl::PortSpace>(Reach::Granted, Platforms::Machine),
    native::<dyn idl::PhysicalMemory>(Reach::Granted, Platforms::Machine),
    native::<dyn idl::Interrupts>(Reach::Granted, Platforms::Machine),
];

/// The native with this ID.
pub fn native_service(id: u32) -> Option<&'static Native> {
    NATIVES.iter().find(|native| native.id == id)
}

/// Objects that only the hosted platform has, and the service that each provides.
pub const HOSTED_OBJECTS: [(&str, u32); 2] = [
    ("disk-image", <dyn idl::BlockDevice as Named>::ID),
    ("console", <dyn idl::Console as Named>::ID),
];

/// Services that a node of the system file stands for, or that the checker treats specially.
pub mod service {
    use warren::Service as Named;
    use warren_idl as idl;

    /// `PciBus`.
    pub const PCI_BUS: u32 = <dyn idl::PciBus as Named>::ID;
    /// `PciDevice`.
    pub const PCI_DEVICE: u32 = <dyn idl::PciDevice as Named>::ID;
    /// `IoPorts`.
    pub const IO_PORTS: u32 = <dyn idl::IoPorts as Named>::ID;
    /// `InterruptLine`.
    pub const INTERRUPT_LINE: u32 = <dyn idl::InterruptLine as Named>::ID;
    /// `Launcher`.
    pub const LAUNCHER: u32 = <dyn idl::Launcher as Named>::ID;
    /// `FileSystem`.
    pub const FILE_SYSTEM: u32 = <dyn idl::FileSystem as Named>::ID;
    /// `Scheduler`.
    pub const SCHEDULER: u32 = <dyn idl::Scheduler as Named>::ID;
    /// `Wire`.
    pub const WIRE: u32 = <dyn idl::Wire as Named>::ID;
    /// `Program`.
    pub const PROGRAM: u32 = <dyn idl::Program as Named>::ID;
}
