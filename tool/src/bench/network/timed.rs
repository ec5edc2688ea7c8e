//! A machine at a network of this host's, in real time: nothing counts its instructions, and its clock is this host's.

use std::{
    ffi::OsString,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{
        Request, boot,
        linux::{self, Kernel},
        or_row,
        row::{self, Row},
    },
    Place, Wire, prepare, tap,
    transfer::Transfer,
};
use crate::{
    failure::{Failure, Outcome},
    project::Project,
    run::{image, machine::Outlet, temporary::Temporary},
};

/// How long a system may take to boot.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long between two attempts to reach it.
const LOOK: Duration = Duration::from_millis(100);

/// Which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This one of Warren's, with its servers there.
    Warren(&'static str, Place),
    /// The Linux guest.
    Linux,
}

impl Side {
    /// The last part of its rows' names.
    pub fn place(self) -> &'static str {
        match self {
            Side::Warren(_, place) => place.name(),
            Side::Linux => "linux",
        }
    }

    /// What is said of it while it works.
    pub fn called(self) -> String {
        match self {
            Side::Warren(system, Place::Default) => format!("the system `{system}`"),
            Side::Warren(system, place) => format!("the system `{system}`, {}", place.name()),
            Side::Linux => "the Linux guest".into(),
        }
    }
}

/// Measures a group of rows in a namespace, by [`measure_sides`] there, if what it needs is there.
pub fn measure(project: &Project, request: &Request, group: &str, needed: Outcome) -> Vec<Row> {
    // Nothing can be fetched where this host has no other network.
    let prepared = needed.and_then(|()| match request.against_linux {
        true => linux::prepare(project, Kernel::Virtual).map(drop),
        false => Ok(()),
    });
    let measured = prepared.and_then(|()| tap::within(&tap::arguments(group, request)));
    or_row(&format!("{group}/all/TAP"), measured.map(|text| tap::rows(&text)))
}

/// Measures this system with its servers in each of these places, and Linux if that is wanted, one after the other in each run, and writes the rows for [`measure`]. While a side is measured, `working` is said of
/// it: what, and for how long.
pub fn measure_sides(
    request: &Request,
    (group, system, places): (&str, &'static str, &[Place]),
    working: [&str; 2],
    mut measure: impl FnMut(Side, u32) -> Outcome<Vec<Row>>,
) -> Outcome {
    let [what, time] = working;
    let linux = request.against_linux.then_some(Side::Linux);
    let mut rows = Vec::new();
    for run in 1..=request.runs {
        let sides = places.iter().map(|&place| Side::Warren(system, place));
        for side in sides.chain(linux) {
            eprintln!("{what} {}, run {run} of {}: {time} …", side.called(), request.runs);
            let name = format!("{group}/all/{}", side.place());
            row::join(&mut rows, or_row(&name, measure(side, run)));
        }
    }
    tap::write(&rows)
}

/// A machine with a system that answers.
pub struct Timed {
    child: Option<Child>,
    method: String,
    _folder: Temporary,
}

impl Timed {
    /// Boots a system behind an outlet, until it answers as it does for this transfer.
    pub fn boot(project: &Project, side: Side, outlet: Outlet, first: Transfer) -> Outcome<Self> {
        let folder = Temporary::create()?;
        let (mut machine, arguments, of): (_, Vec<OsString>, _) = match side {
            Side::Warren(system, place) => {
                let (machine, _) = prepare(project, system, place, Wire::Tap, &folder)?;
                (machine, Vec::new(), format!("system `{system}`"))
            }
            Side::Linux => {
                let guest = linux::prepare(project, Kernel::Virtual)?;
                let disk = image::demo(project)?;
                let log = folder.file("log");
                let machine = linux::machine(guest.kernel, guest.initramfs, &disk, log);
                let arguments = linux::command_line("network").into();
                (machine, arguments, format!("{}, one process that polls", guest.versions))
            }
        };
        (machine.networks, machine.outlet) = (1, Some(outlet));
        let child = boot::start(&arguments, &machine, |_| ())?;
        let method = format!("in real time, -cpu {}; virtio-net; {of}", linux::PROCESSOR);
        let mut timed = Timed { child: Some(child), method, _folder: folder };
        timed.wait_until_it_answers(first)?;
        Ok(timed)
    }

    fn wait_until_it_answers(&mut self, first: Transfer) -> Outcome {
        let end = Instant::now() + PATIENCE;
        while !first.answers((tap::SYSTEM, first.first_port()).into()) {
            if self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None))) {
                return Err(Failure::new("QEMU has ended before the system answered")
                    .remedy("this benchmark needs QEMU 7.2 or later, with `-netdev stream`"));
            }
            if Instant::now() > end {
                return Err(Failure::new("the system does not answer by its network"));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// How it runs, for the rows.
    pub fn method(&self) -> &str {
        &self.method
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            boot::end(child);
        }
    }
}
