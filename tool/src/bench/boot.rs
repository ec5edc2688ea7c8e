//! Boots: from the first instruction to the prompt, of Warren's demo system and of the Linux guest.
//!
//! A plugin of QEMU counts executed instructions. The machine is ended as soon as the prompt is seen on the console, so
//! that what a guest does while it waits for a key counts for a few milliseconds at most.

use std::{
    ffi::OsString,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use warren_engine::plan::{Placement, Plan};

use super::{
    compiler,
    linux::{self, Guest},
    row::{self, Measure, Row, Unit},
};
use crate::{
    build,
    command::check,
    failure::{Failure, Outcome, While},
    project::Project,
    run::{
        archive, image,
        machine::{COUNTING_IDLE, Machine},
        packages::QEMU,
        temporary::Temporary,
    },
    system::{Request, Target},
};

/// The system whose boot is measured.
const SYSTEM: &str = "demo";
/// How long a boot may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long one with very little memory may take.
const LITTLE_PATIENCE: Duration = Duration::from_secs(60);
/// Memory is searched in steps of so many MiB.
const STEP_MIB: u32 = 2;

/// Something that boots to a prompt.
pub struct Bootable {
    /// Last part of its rows' names.
    name: &'static str,
    machine: Machine,
    arguments: Vec<OsString>,
    /// What it prompts with.
    prompt: &'static str,
    method: String,
    /// The boot archive and log of the machine lie there.
    folder: Temporary,
}

/// Warren's demo system.
pub fn warren(project: &Project) -> Outcome<Bootable> {
    let folder = Temporary::create()?;
    let archive = folder.file("boot.tar");
    write_archive(project, SYSTEM, &[], &archive)?;
    let disk = image::demo(project)?;
    let machine = linux::machine(build::kernel(project)?, archive, &disk, folder.file("log"));
    let method = format!("system `{SYSTEM}`");
    Ok(Bootable { name: SYSTEM, machine, arguments: vec![], prompt: "warren:", method, folder })
}

/// Writes the boot archive of a system with a prompt, some of whose servers are elsewhere than its file says. Returns what is in it.
pub(super) fn write_archive(
    project: &Project,
    system: &str,
    placements: &[(String, Placement)],
    to: &Path,
) -> Outcome<Plan> {
    let servers = build::servers(project)?;
    let request = Request {
        target: Target::Machine,
        placements: placements.into(),
        parameters: vec![("mode".into(), "interactive".into())],
        ..Request::default()
    };
    let path = project.system(system)?;
    let plan = check::checked(project, &path, &build::facts(&servers), &request)?;
    archive::write(to, &plan, &servers)?;
    Ok(plan)
}

/// The Linux guest, with the same disk mounted.
pub fn linux(project: &Project, guest: &Guest) -> Outcome<Bootable> {
    let folder = Temporary::create()?;
    let disk = image::demo(project)?;
    let (kernel, initramfs) = (guest.kernel.clone(), guest.initramfs.clone());
    Ok(Bootable {
        name: "linux",
        machine: linux::machine(kernel, initramfs, &disk, folder.file("log")),
        arguments: linux::command_line("prompt").into(),
        prompt: "linux$ ",
        method: format!("{}, the disk mounted, a shell", guest.versions),
        folder,
    })
}

/// Measures boots: instructions, memory touched, and the least memory that boots.
pub fn measure(project: &Project, system: &Bootable, runs: u32) -> Outcome<Vec<Row>> {
    let plugin = compiler::counter(project)?;
    let mut rows = Vec::new();
    for run in 1..=runs {
        eprintln!("boot of {}, run {run} of {runs}: up to half a minute …", system.name);
        row::join(&mut rows, boot(system, &plugin)?);
    }
    eprintln!("least memory of {}: up to two minutes …", system.name);
    rows.push(least_memory(system)?);
    Ok(rows)
}

/// Boots once, and counts.
fn boot(system: &Bootable, plugin: &Path) -> Outcome<Vec<Row>> {
    let counted = system.folder.file("counted");
    let plugin = format!("{},out={}", plugin.display(), counted.display());
    let mut child = start(&system.arguments, &system.machine, |command| {
        command.args(COUNTING_IDLE).arg("-plugin").arg(&plugin);
    })?;
    let prompted = prompts(&mut child, system.prompt, PATIENCE);
    let touched = touched_bytes(&child, system.machine.memory_mib);
    end(child);
    if !prompted {
        return Err(Failure::new(format!("{} did not boot to its prompt", system.name)));
    }
    let text = fs::read_to_string(&counted).when(|| "the plugin of QEMU wrote nothing".into())?;
    let executed = text.trim().strip_prefix("executed ").and_then(|number| number.parse().ok());
    let executed: f64 =
        executed.ok_or_else(|| Failure::new(format!("the plugin of QEMU wrote `{text}`")))?;
    let touched =
        touched.ok_or_else(|| Failure::new("QEMU's memory cannot be seen under /proc"))?;
    let counted = format!("counted by a plugin of QEMU under -icount shift=0; {}", system.method);
    let resident = format!("resident pages of the guest's memory in QEMU; {}", system.method);
    Ok(vec![
        row(system, "instructions to the prompt", executed, Unit::Instructions, &counted),
        row(system, "memory touched at the prompt", touched as f64, Unit::Bytes, &resident),
    ])
}

fn row(system: &Bootable, what: &str, value: f64, unit: Unit, method: &str) -> Row {
    Row::new(format!("boot/{what}/{}", system.name), Measure::new(value, unit, method))
}

/// The least memory with which it comes to its prompt, by halving.
fn least_memory(system: &Bootable) -> Outcome<Row> {
    let boots = |mib: u32| {
        let machine = Machine { memory_mib: mib, ..system.machine.clone() };
        let mut child = start(&system.arguments, &machine, |_| ())?;
        let boots = prompts(&mut child, system.prompt, LITTLE_PATIENCE);
        end(child);
        Ok(boots)
    };
    let (mut too_little, mut enough) = (0, system.machine.memory_mib);
    while enough - too_little > STEP_MIB {
        let middle = (too_little + enough) / 2;
        match boots(middle)? {
            true => enough = middle,
            false => too_little = middle,
        }
    }
    let bytes = f64::from(enough) * f64::from(1 << 20);
    let method = format!("boots with it, and not with {STEP_MIB} MiB less; {}", system.method);
    Ok(row(system, "least memory that boots", bytes, Unit::Bytes, &method))
}

/// Starts a machine, with further arguments of QEMU's.
pub(super) fn start(
    arguments: &[OsString],
    machine: &Machine,
    more: impl FnOnce(&mut Command),
) -> Outcome<Child> {
    let mut command = Command::new(QEMU.path()?);
    command.args(machine.arguments()).args(arguments);
    more(&mut command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().when(|| "cannot start QEMU".into())
}

/// Waits for the prompt; `false` if the machine ends or the time is over before.
fn prompts(child: &mut Child, prompt: &'static str, patience: Duration) -> bool {
    let (sender, seen) = mpsc::channel();
    if let Some(console) = child.stdout.take() {
        thread::spawn(move || {
            if reads(console, prompt.as_bytes()) {
                // Nobody waits any more when it took too long.
                let _ = sender.send(());
            }
        });
    }
    seen.recv_timeout(patience).is_ok()
}

/// Reads until `text` was read; `false` if that never comes.
fn reads(mut console: ChildStdout, text: &[u8]) -> bool {
    let mut read: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = console.read(&mut buffer) {
        read.extend(&buffer[..count]);
        if read.windows(text.len()).any(|part| part == text) {
            return true;
        }
    }
    false
}

/// Ends a machine in the way that lets its plugins write what they know.
pub(super) fn end(mut child: Child) {
    // It may have ended by itself.
    let _ = kill_process(Pid::from_child(&child), Signal::TERM);
    let _ = child.wait();
}

/// Resident bytes of the mapping that is the guest's memory.
fn touched_bytes(child: &Child, memory_mib: u32) -> Option<u64> {
    let maps = PathBuf::from(format!("/proc/{}/smaps", child.id()));
    resident(&fs::read_to_string(maps).ok()?, u64::from(memory_mib) << 10)
}

/// `Rss` of the mapping of this size.
fn resident(smaps: &str, size_kib: u64) -> Option<u64> {
    let number = |line: &str, name: &str| {
        let value = line.strip_prefix(name)?.trim().strip_suffix(" kB")?;
        value.parse::<u64>().ok()
    };
    let mut is_it = false;
    for line in smaps.lines() {
        if let Some(size) = number(line, "Size:") {
            is_it = size == size_kib;
        } else if let Some(kib) = number(line, "Rss:").filter(|_| is_it) {
            return Some(kib << 10);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::resident;

    #[test]
    fn the_mapping_of_the_guests_size_counts() {
        let smaps = "7f00-7f01 rw-p 0 00:00 0\nSize:                 64 kB\nRss:   8 kB\n\
            7f02-7f03 rw-p 0 00:00 0\nSize:             262144 kB\nKernelPageSize: 4 kB\nRss:   1024 kB\n";
        assert_eq!(resident(smaps, 262_144), Some(1 << 20));
        assert_eq!(resident(smaps, 5), None);
    }
}
