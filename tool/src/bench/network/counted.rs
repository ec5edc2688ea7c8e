//! A machine on a network, whose instructions are counted while it runs.

use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{
        boot, compiler,
        row::{Measure, Row, Unit, rounded},
    },
    Link, tap,
    transfer::Transfer,
};
use crate::{
    failure::{Failure, Outcome, While},
    project::Project,
    run::{
        machine::{Adapter, COUNTING_IDLE, Forward, Machine, Outlet, Transport},
        temporary::Temporary,
    },
};

/// How long a system may take to boot.
const PATIENCE: Duration = Duration::from_secs(120);

/// How the machine is connected to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// By QEMU's user network, which knows no offloads.
    User,
    /// By a TAP device of Linux's in the namespace where this process is.
    Tap,
}

impl Wire {
    /// Its name in rows.
    pub fn name(self) -> &'static str {
        match self {
            Wire::User => "QEMU's user network",
            Wire::Tap => "TAP",
        }
    }

    /// How much of a transfer goes through, and before that, to warm up. A TAP device hands over up to 64 KiB at a time.
    fn amounts(self, transfer: Transfer) -> (u64, u64) {
        match (self, transfer.each()) {
            (_, 1) => (1000, 200),
            (Wire::User, _) => (2 << 20, 1 << 20),
            (Wire::Tap, _) => (32 << 20, 8 << 20),
        }
    }
}

/// A machine that is about to be booted.
pub struct Setting {
    /// The machine, without its network. Its archive lies in the folder.
    pub machine: Machine,
    /// Where the number will be.
    pub folder: Temporary,
    /// Further arguments of QEMU's.
    pub arguments: Vec<OsString>,
    /// What will be measured.
    pub transfers: Vec<Transfer>,
    /// The network.
    pub wire: Wire,
    /// The network's device.
    pub device: Adapter,
    /// Where in the kernel calls and returns of domains come, if that is counted.
    pub entry: Option<u64>,
    /// How it is measured, for the rows.
    pub method: String,
}

/// What a machine has executed.
struct Executed {
    instructions: u64,
    /// How often domains came to the kernel, if that is counted.
    entries: u64,
}

/// What a transfer costs.
pub struct Cost {
    /// How many there were of what it is counted for.
    pub count: f64,
    /// Instructions for each.
    pub instructions: f64,
    /// Calls and returns of domains for each.
    pub entries: f64,
}

/// A machine whose instructions are counted while it runs.
pub struct Counted {
    setting: Setting,
    child: Option<Child>,
    number: PathBuf,
}

impl Counted {
    /// Boots a machine, until it answers. The plugin of QEMU that counts is told `more`.
    pub fn boot(project: &Project, mut setting: Setting, more: &str) -> Outcome<Self> {
        let first = setting.transfers.first().map(|transfer| transfer.first_port());
        let ports = first.into_iter().chain(setting.transfers.iter().map(|one| one.port()));
        let mut ports: Vec<_> = ports.collect();
        ports.dedup();
        let machine = &mut setting.machine;
        (machine.networks, machine.adapter) = (1, setting.device);
        match setting.wire {
            Wire::Tap => machine.outlet = Some(Outlet::tap(tap::DEVICE)),
            Wire::User => {
                let port = |system| {
                    Ok(Forward {
                        host: free_port()?,
                        system,
                        network: 0,
                        transport: Transport::Tcp,
                    })
                };
                machine.forwards = ports.into_iter().map(port).collect::<Outcome<_>>()?;
            }
        }
        let number = setting.folder.file("executed");
        let counter = compiler::counter(project)?;
        let at = setting.entry.map(|address| format!(",at={address:#x}")).unwrap_or_default();
        let plugin = format!("{},live={}{at}{more}", counter.display(), number.display());
        let child = boot::start(&setting.arguments, &setting.machine, |command| {
            command.args(COUNTING_IDLE).arg("-plugin").arg(&plugin);
        })?;
        let counted = Counted { setting, child: Some(child), number };
        let first = counted.setting.transfers.first().copied();
        let end = Instant::now() + PATIENCE;
        while !first.is_some_and(|first| first.answers(counted.address(first.first_port()))) {
            if Instant::now() > end {
                return Err(Failure::new("the system does not answer by its network"));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(counted)
    }

    /// Where this host finds a port of the system.
    fn address(&self, port: u16) -> SocketAddr {
        let leads = |forward: &&Forward| forward.system == port;
        match self.setting.machine.forwards.iter().find(leads) {
            Some(forward) => (Ipv4Addr::LOCALHOST, forward.host).into(),
            None => (tap::SYSTEM, port).into(),
        }
    }

    /// What it has executed so far.
    fn executed(&self) -> Outcome<Executed> {
        let bytes = fs::read(&self.number).when(|| "the plugin of QEMU wrote nothing".into())?;
        match bytes.as_chunks().0 {
            [instructions, entries, ..] => Ok(Executed {
                instructions: u64::from_ne_bytes(*instructions),
                entries: u64::from_ne_bytes(*entries),
            }),
            _ => Err(Failure::new("the plugin of QEMU has not counted")),
        }
    }

    /// What each transfer costs, in as many of them as `runs`.
    pub fn measure(&self, place: &str, runs: u32) -> Vec<Row> {
        let transfers = self.setting.transfers.iter();
        transfers.flat_map(|transfer| self.measure_one(*transfer, place, runs)).collect()
    }

    fn measure_one(&self, transfer: Transfer, place: &str, runs: u32) -> Vec<Row> {
        let name = |what: &str| {
            let Setting { device, wire, .. } = self.setting;
            row_name((wire, device), transfer, what, place)
        };
        let costs = self
            .warm_up(transfer)
            .and_then(|()| (0..runs).map(|_| self.transfer(transfer)).collect::<Outcome<Vec<_>>>());
        let costs = match costs {
            Ok(costs) => costs,
            Err(failure) => return vec![Row::failed(name(""), failure.message())],
        };
        let row = |what: &str, unit, how: &str, of: fn(&Cost) -> f64| {
            let method = format!("{how}; {}; {}", transfer.method(), self.setting.method);
            let samples = costs.iter().map(of).collect();
            Row::new(name(what), Measure { samples, ..Measure::new(0.0, unit, method) })
        };
        let counted = "all instructions of the guest, counted by a plugin of QEMU";
        let mut rows = vec![row("", Unit::Instructions, counted, |cost| cost.instructions)];
        if self.setting.entry.is_some() {
            let counted = "how often a call or a return of a domain came to the kernel, counted by a plugin of QEMU";
            rows.push(row(ENTRIES, Unit::Entries, counted, |cost| cost.entries));
        }
        rows
    }

    /// Lets the first of a kind go through, which cost more than others.
    pub fn warm_up(&self, transfer: Transfer) -> Outcome {
        let amount = self.setting.wire.amounts(transfer).1;
        transfer.run(self.address(transfer.port()), amount).when(failed).map(drop)
    }

    /// Lets as much go through as is counted at a time.
    pub fn transfer(&self, transfer: Transfer) -> Outcome<Cost> {
        let before = self.executed()?;
        let amount = self.setting.wire.amounts(transfer).0;
        let amount = transfer.run(self.address(transfer.port()), amount).when(failed)?;
        let count = amount as f64 / transfer.each() as f64;
        let after = self.executed()?;
        let each = |after: u64, before: u64| rounded((after - before) as f64 / count);
        Ok(Cost {
            count,
            instructions: each(after.instructions, before.instructions),
            entries: each(after.entries, before.entries),
        })
    }

    /// What the machine has been given.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }
}

fn failed() -> String {
    "a transfer failed".into()
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            boot::end(child);
        }
    }
}

/// The name of a device in rows.
pub fn device_name(device: Adapter) -> &'static str {
    match device {
        Adapter::Virtio => "virtio-net",
        Adapter::E1000 => "e1000",
        Adapter::Rtl8139 => "rtl8139",
    }
}

/// What stands behind a transfer in the name of the row that counts entries into the kernel.
const ENTRIES: &str = ", entries into the kernel";

/// The name of a row. By QEMU's user network there are virtio's only.
pub fn row_name((wire, device): Link, transfer: Transfer, what: &str, place: &str) -> String {
    let transfer = transfer.name();
    match wire {
        Wire::User => format!("network/{transfer}{what}/{place}"),
        Wire::Tap => {
            format!(
                "network/{} over {}, {transfer}{what}/{place}",
                device_name(device),
                wire.name()
            )
        }
    }
}

/// A port of this host that nobody has.
pub fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).when(|| "no port is free".into())
}
