//! What it costs that bytes go through the network.
//!
//! # Method
//!
//! This host is the other side: a plain client ([`transfer`]). A plugin of QEMU counts all instructions that the guest executes, and is read when a
//! transfer begins and when it has ended ([`counted`]); who executes them does not matter, so that the Linux guest is measured in the same way, with a program
//! that reads and writes as much at a time. The guest waits without executing anything, and its clock counts instructions while it
//! works (`-icount shift=0`).
//!
//! The machine is connected to this host by QEMU's user network, which has no offloads, and 1500 bytes in a packet; and over a TAP device in a network
//! namespace ([`tap`]), where virtio's device takes over checksums and the cutting of segments, and hands over up to 64 KiB at a time, as far as
//! the guest's driver wants it to.
//!
//! How many packets come together depends on what this host does beside, so that the numbers of two runs differ by some percent.

pub mod counted;
mod layers;
pub mod tap;
pub mod timed;
pub mod transfer;

pub use self::layers::explain;

use std::fs;

use warren_engine::plan::{Placement, Plan};

use self::{
    counted::{Counted, Setting, Wire, device_name},
    transfer::Transfer,
};
use super::{
    Request, boot,
    explain::{places::label_in_kernel, read_bytes},
    linux::{self, Kernel},
    row::Row,
};
use crate::{
    failure::{Outcome, While},
    project::Project,
    run::{
        image,
        machine::{Adapter, Machine},
        temporary::Temporary,
    },
};

/// The label in the kernel where calls of domains, and their returns, come.
const ENTRY: &str = "call_entry";
/// The place in the names of Linux's rows.
const LINUX: &str = "linux";
/// Systems, and what is measured of each by QEMU's user network.
const BY_USER: [System; 2] =
    [("services", &[Transfer::Receive, Transfer::Send]), ("web", &[Transfer::Get])];
/// The same over TAP.
const OVER_TAP: [System; 2] = [
    (
        "services",
        &[
            Transfer::Receive,
            Transfer::Send,
            Transfer::RoundTrip,
            Transfer::Datagram,
            Transfer::Connection,
        ],
    ),
    ("web", &[Transfer::Request]),
];
/// Devices over TAP.
const DEVICES: [Adapter; 3] = [Adapter::Virtio, Adapter::E1000, Adapter::Rtl8139];

/// Where the servers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// All in the kernel.
    Kernel,
    /// Where the system file says: drivers in domains of their own.
    Default,
    /// Each in a domain of its own.
    Own,
}

impl Place {
    /// All.
    pub const ALL: [Place; 3] = [Place::Kernel, Place::Default, Place::Own];

    /// Its name, the last part of a row's.
    pub fn name(self) -> &'static str {
        match self {
            Place::Kernel => "kernel",
            Place::Default => "default",
            Place::Own => "own",
        }
    }

    /// Where all servers are put.
    fn placement(self) -> Option<Placement> {
        match self {
            Place::Kernel => Some(Placement::Kernel),
            Place::Default => None,
            Place::Own => Some(Placement::Own),
        }
    }
}

/// A system, and what is measured of it.
type System = (&'static str, &'static [Transfer]);
/// What is measured: a wire, and a device at its end.
type Link = (Wire, Adapter);

/// Lets bytes go through each system, in each place, by each link; and through the Linux guest, if that is wanted.
pub fn measure(project: &Project, request: &Request) -> Vec<Row> {
    let mut rows = measure_links(project, request, &[(Wire::User, Adapter::Virtio)]);
    // Nothing can be fetched where this host has no other network.
    let prepared = devices(request)
        .filter(|_| request.against_linux)
        .try_for_each(|device| linux::prepare(project, linux_with(device)).map(drop));
    let measured = prepared.and_then(|()| tap::within(&tap::arguments("network", request)));
    rows.extend(super::or_row("network/all/TAP", measured.map(|text| tap::rows(&text))));
    rows
}

/// Measures over TAP, in the namespace that [`measure`] has made, and writes the rows for it.
pub fn measure_inside(project: &Project, request: &Request) -> Outcome {
    let links: Vec<_> = devices(request).map(|device| (Wire::Tap, device)).collect();
    tap::write(&measure_links(project, request, &links))
}

/// Systems that are measured by a wire.
fn systems(wire: Wire) -> [System; 2] {
    match wire {
        Wire::User => BY_USER,
        Wire::Tap => OVER_TAP,
    }
}

fn devices(request: &Request) -> impl Iterator<Item = Adapter> {
    let wanted = |device: &Adapter| request.devices.is_empty() || request.devices.contains(device);
    DEVICES.into_iter().filter(wanted)
}

/// Linux's kernel that has a driver of the device.
fn linux_with(device: Adapter) -> Kernel {
    match device {
        Adapter::Virtio => Kernel::Virtual,
        Adapter::E1000 | Adapter::Rtl8139 => Kernel::Any,
    }
}

fn measure_links(project: &Project, request: &Request, links: &[Link]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &link in links {
        for place in Place::ALL {
            for (system, transfers) in systems(link.0) {
                eprintln!(
                    "{} of the system `{system}`, {}: half a minute …",
                    called(link),
                    place.name()
                );
                let measured = boot_system(project, (system, transfers), place, link, "")
                    .map(|(counted, _)| counted.measure(place.name(), request.runs));
                rows.extend(super::or_row(&format!("network/{system}/{}", place.name()), measured));
            }
        }
        if request.against_linux {
            eprintln!("{} of the Linux guest: half a minute …", called(link));
            let measured =
                boot_linux(project, link).map(|counted| counted.measure(LINUX, request.runs));
            rows.extend(super::or_row("network/all/linux", measured));
        }
    }
    rows
}

/// What is said of a link.
fn called((wire, device): Link) -> String {
    format!("{} at {}", device_name(device), wire.name())
}

/// How everything is counted.
fn method(link: Link, of: &str) -> String {
    format!("-icount shift=0, -cpu {}; {}; {of}", linux::PROCESSOR, called(link))
}

/// Boots a system of Warren's, and says what it consists of.
fn boot_system(
    project: &Project,
    (system, transfers): (&str, &[Transfer]),
    place: Place,
    link: Link,
    more: &str,
) -> Outcome<(Counted, Plan)> {
    let folder = Temporary::create()?;
    let (machine, plan) = prepare(project, system, place, link.0, &folder)?;
    let entry = label_in_kernel(&read_bytes(&machine.kernel)?, ENTRY)?;
    let setting = Setting {
        machine,
        folder,
        arguments: Vec::new(),
        transfers: transfers.into(),
        wire: link.0,
        device: link.1,
        entry,
        method: method(link, &format!("system `{system}`")),
    };
    Ok((Counted::boot(project, setting, more)?, plan))
}

/// A machine with a system of Warren's, which lies in the folder, but without a network; and what the system consists of.
fn prepare(
    project: &Project,
    system: &str,
    place: Place,
    wire: Wire,
    folder: &Temporary,
) -> Outcome<(Machine, Plan)> {
    let archive = folder.file("boot.tar");
    let placements = place.placement().map(|placement| ("all".into(), placement));
    let file = folder.file("system.kdl");
    let of_tap = match wire {
        Wire::User => String::new(),
        Wire::Tap => {
            format!("change \"ipv4\" {{ parameter \"address\" \"{}\"; }}\n", tap::SYSTEM_NETWORK)
        }
    };
    let included = project.system(system)?;
    let text = format!("include \"{}\"\n{of_tap}", included.display());
    fs::write(&file, text).when(|| format!("cannot write `{}`", file.display()))?;
    let name = file.display().to_string();
    let plan = boot::write_archive(project, &name, placements.as_slice(), &archive)?;
    let kernel = crate::build::kernel(project)?;
    let machine = linux::machine(kernel, archive, &image::demo(project)?, folder.file("log"));
    Ok((machine, plan))
}

/// Boots the Linux guest.
fn boot_linux(project: &Project, link: Link) -> Outcome<Counted> {
    let guest = linux::prepare(project, linux_with(link.1))?;
    let folder = Temporary::create()?;
    let disk = image::demo(project)?;
    let machine = linux::machine(guest.kernel, guest.initramfs, &disk, folder.file("log"));
    let setting = Setting {
        machine,
        folder,
        arguments: linux::command_line("network").into(),
        transfers: systems(link.0).iter().flat_map(|(_, transfers)| *transfers).copied().collect(),
        wire: link.0,
        device: link.1,
        entry: None,
        method: method(link, &format!("{}, one process that polls", guest.versions)),
    };
    Counted::boot(project, setting, "")
}
