//! All services in the form in which server files describe them, for headers of other languages.

use warren::{
    Service,
    raw::description::{ATOMIC, Builder, tag},
};

use crate::*;

/// The description of an imagined file that provides every service.
pub const DESCRIPTION: &[u8] = SERVICES.bytes();

/// Bytes that all services together may take.
const CAPACITY: usize = 16 * 1024;

const fn service<X: ?Sized + Service>(builder: Builder<CAPACITY>) -> Builder<CAPACITY> {
    let flags = if X::ATOMIC { ATOMIC } else { 0 };
    builder.service(tag::PROVIDES, X::ID, flags, X::NAME, X::FUNCTIONS)
}

macro_rules! services {
    ($($name:ident)*) => {
        const SERVICES: &Builder<CAPACITY> = &{
            let builder = Builder::new().text(tag::NAME, "idl");
            $(let builder = service::<dyn $name>(builder);)*
            builder
        };
    };
}
services! {
    Accounts
    BlockDevice
    Clock Timer
    Console
    File Directory FileSystem
    InterruptLine Interrupts
    Launcher
    Log LogBook LogFeed LogFollower
    DataSpace Memory PhysicalMemory AddressSpace
    Namespace
    Parameters
    PciBus PciDevice
    IoPorts PortSpace
    Power
    Program Stream Supervisor
    Queue MemoryQueue Queues
    Semaphore Semaphores
    Task ThreadFactory Thread
    Scheduler Processor
    Signal Raiser Signals
    SystemControl
    Terminal
}
