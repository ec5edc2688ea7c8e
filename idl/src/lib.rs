//! The services of Warren: one file per interface.
//!
//! A service is a trait under `#[service]`; the trait is the interface definition, and the
//! description that travels in server files is generated from it. IDs and error numbers are frozen:
//! whoever changes what a function passes gives the service a new ID.
//!
//! What programs show to tools as it is has [`Shown`]: the names of fields in JSON.
//!
//! | service | what a reference to it is |
//! | --- | --- |
//! | [`BlockDevice`] | a disk, a partition, an image |
//! | [`FileSystem`], [`File`], [`Directory`] | a tree of files, one open file, one directory |
//! | [`Namespace`] | the table that says which file system answers for which path |
//! | [`Console`], [`Terminal`] | a byte stream to a person; the same with lines and editing |
//! | [`Log`], [`LogBook`] | where servers write what happens; the lines that are still there |
//! | [`LogFeed`], [`LogFollower`] | where a log gets its lines; whoever is told of new ones |
//! | [`Program`], [`Stream`], [`Supervisor`] | what is run by its name; what it reads and puts out; whoever runs it |
//! | [`Task`], [`ThreadFactory`], [`Thread`] | something to run, what runs it, one run |
//! | [`Principals`] | for whom a thread works |
//! | [`Scheduler`], [`Processor`] | whoever decides whose turn it is; the time that it hands on |
//! | [`Signal`], [`Raiser`], [`Signals`] | a count that threads wait for; the right to add to it; where they come from |
//! | [`Semaphore`], [`Semaphores`] | a number of permits; where that comes from |
//! | [`Queue`], [`MemoryQueue`], [`Queues`] | what one thread leaves for another: records, memory; where these come from |
//! | [`Entropy`] | bits that nobody can guess |
//! | [`Clock`], [`Timer`] | what time it is; waiting |
//! | [`DataSpace`], [`Memory`], [`PhysicalMemory`], [`AddressSpace`] | memory, where it comes from, where it becomes visible |
//! | [`IoPorts`], [`PortSpace`], [`InterruptLine`], [`Interrupts`] | hardware, by the piece and by the whole |
//! | [`InterruptCounts`] | what interrupts, and how often |
//! | [`PciBus`], [`PciDevice`] | what is plugged in |
//! | [`PacketMemory`], [`Share`] | memory for packets; what one of its users holds of it |
//! | [`Wire`] | frames of a network device that Linux has |
//! | [`Link`], [`Sink`] | a network device; where packets go that have arrived |
//! | [`Ethernet`], [`Neighbourhood`] | frames on a link; packets to neighbours |
//! | [`Endpoint`], [`Routing`] | datagrams to any address; which endpoint leads there |
//! | [`Ipv4`], [`Ipv6`] | where this station is in the network |
//! | [`Ipv4Configuration`] | the right to say so |
//! | [`Dhcp`] | the address that the network has lent this station |
//! | [`Resolver`] | addresses by names |
//! | [`Ping`] | asking other stations whether they are there |
//! | [`Udp`], [`UdpSocket`] | datagrams between ports; one port of this station |
//! | [`Tcp`], [`Listener`], [`Connection`], [`Poll`] | streams of bytes to other stations and from there, and waiting for many |
//! | [`Parameters`] | what the system file says to this server |
//! | [`Launcher`] | loads servers by the names that the system file gives them |
//! | [`Accounts`] | who has used what |
//! | [`SystemControl`], [`Power`] | what runs, and making it stop |
//! | [`Echo`], [`Hub`], [`Token`], [`Counter`], [`Fragile`] | what tests and benchmarks call |
//! | [`Partner`], [`Callee`], [`Meter`] | the other side of a measurement of switches; what both call; a scheduler that is measured |
//! | [`Bond`], [`AtomicBond`], [`Careless`] | what tests give up while they call it, and whoever does so |
#![no_std]

mod accounts;
mod address;
mod block;
mod bond;
mod clock;
mod console;
mod description;
mod dhcp;
mod echo;
mod endpoint;
mod entropy;
mod ethernet;
mod file;
mod fragile;
mod interrupt;
mod ipv4;
mod ipv6;
mod launcher;
mod link;
mod log;
mod memory;
mod namespace;
mod neighbourhood;
mod obstacle;
mod packet;
mod parameters;
mod partner;
mod pci;
mod ping;
mod ports;
mod power;
mod principal;
mod program;
mod queue;
mod resolver;
mod routing;
mod schedule;
mod semaphore;
mod shown;
mod signal;
mod system;
mod tcp;
mod terminal;
mod thread;
mod udp;
mod wire;

pub use accounts::*;
pub use address::*;
pub use block::*;
pub use bond::*;
pub use clock::*;
pub use console::*;
pub use description::DESCRIPTION;
pub use dhcp::*;
pub use echo::*;
pub use endpoint::*;
pub use entropy::*;
pub use ethernet::*;
pub use file::*;
pub use fragile::*;
pub use interrupt::*;
pub use ipv4::*;
pub use ipv6::*;
pub use launcher::*;
pub use link::*;
pub use log::*;
pub use memory::*;
pub use namespace::*;
pub use neighbourhood::*;
pub use obstacle::*;
pub use packet::*;
pub use parameters::*;
pub use partner::*;
pub use pci::*;
pub use ping::*;
pub use ports::*;
pub use power::*;
pub use principal::*;
pub use program::*;
pub use queue::*;
pub use resolver::*;
pub use routing::*;
pub use schedule::*;
pub use semaphore::*;
pub use shown::*;
pub use signal::*;
pub use system::*;
pub use tcp::*;
pub use terminal::*;
pub use thread::*;
pub use udp::*;
pub use wire::*;
