//! The peer: a Linux guest on the same machine, in the same emulator.
//!
//! # What makes it fair
//!
//! Both guests get the same processor, memory and devices ([`machine`]), both count instructions, and both take the
//! shortest of three tries without the loop. `erms=off` keeps Linux from copying by `rep movsb`, of which
//! QEMU counts each byte as an instruction. Mitigations are off, as Warren has none; addresses are not randomised,
//! so that each run is the same. The guest tells its settings, and the rows carry them.

mod guest;
mod initramfs;
mod packages;

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

pub use self::guest::{Guest, Kernel, prepare};
use super::{
    programs,
    row::{Measure, Row, Unit},
};
use crate::{
    failure::{Failure, Outcome, While},
    project::Project,
    run::{
        machine::{Adapter, Board, COUNTING, Line, Machine},
        packages::QEMU,
        temporary::Temporary,
    },
};

/// Both guests' processor: without the feature that makes Linux copy by an instruction for each byte.
pub const PROCESSOR: &str = "max,erms=off";
/// Both guests' memory.
pub const MEMORY_MIB: u32 = 256;
/// The guest's kernel's command line, without what it is to do.
const COMMAND_LINE: &str =
    "console=ttyS0 quiet panic=-1 nokaslr norandmaps mitigations=off warren=";
/// How long the guest may be silent: while a film is played, of which it says nothing before the end, a busy host executes what it does in some
/// minutes.
const PATIENCE: Duration = Duration::from_secs(1800);

/// The machine that both guests get.
pub fn machine(kernel: PathBuf, archive: PathBuf, disk: &Path, log: PathBuf) -> Machine {
    Machine {
        board: Board::Pc,
        processor: PROCESSOR.into(),
        processors: 1,
        memory_mib: MEMORY_MIB,
        kernel,
        archive,
        disk: Some(disk.to_path_buf()),
        networks: 0,
        adapter: Adapter::default(),
        forwards: Vec::new(),
        outlet: None,
        console: Line::Standard,
        log: Line::File(log),
        debugger: None,
    }
}

/// QEMU's arguments that tell the kernel what to do, as `bench/linux/init.c` has it.
pub fn command_line(what: &str) -> [OsString; 2] {
    ["-append".into(), format!("{COMMAND_LINE}{what}").into()]
}

/// Boots the guest, which measures everything once.
pub fn measure(guest: &Guest, disk: &Path) -> Outcome<Vec<Row>> {
    let found = finished(&boot(guest, &guest.initramfs, disk, "measure")?)?;
    read(&found, &guest.versions)
}

/// Boots the guest, which runs Warren's hosted platform with the benchmark once.
pub fn measure_hosted(project: &Project, guest: &Guest, disk: &Path) -> Outcome<Vec<Row>> {
    let found = run_hosted(project, guest, disk, (programs::SYSTEM, &programs::script_in_guest()))?;
    let is_ours = |line: &&Value| line["from"].is_string();
    let text: String = found.iter().filter(is_ours).map(|line| format!("{line}\n")).collect();
    programs::read_in_guest(&text)
}

/// Boots the guest, which plays the film of the group `crosstalk` beside as many greedy clients. `player` says how the player is scheduled:
/// `other`, `nice` or `deadline`. Returns what the player says.
pub fn play(guest: &Guest, disk: &Path, clients: u32, player: &str) -> Outcome<String> {
    say(guest, disk, &format!("crosstalk clients={clients} player={player}"))
}

/// Boots the guest, which lets the clients of the group `accounts` work. Returns what each process has used, on a line each.
pub fn audit(guest: &Guest, disk: &Path) -> Outcome<String> {
    say(guest, disk, "accounts")
}

/// Boots the guest, which lets the same clients work in Warren's hosted platform. Returns what the program says that tells who has used what.
pub fn audit_hosted(
    project: &Project,
    guest: &Guest,
    disk: &Path,
    program: &str,
) -> Outcome<String> {
    let script = format!("{program}\n");
    let found = run_hosted(project, guest, disk, ("accounts", &script))?;
    Ok(found.iter().map(|line| format!("{line}\n")).collect())
}

/// Boots the guest, in which Warren's hosted platform runs a script in a system. Returns the lines that are JSON.
fn run_hosted(
    project: &Project,
    guest: &Guest,
    disk: &Path,
    what: (&str, &str),
) -> Outcome<Vec<Value>> {
    let temporary = Temporary::create()?;
    let initramfs = temporary.file("initramfs");
    guest::with_hosted(project, guest, &initramfs, what)?;
    finished(&boot(guest, &initramfs, disk, "hosted")?)
}

/// Boots the guest, and returns what it says while it does `what`, without its settings.
fn say(guest: &Guest, disk: &Path, what: &str) -> Outcome<String> {
    let found = finished(&boot(guest, &guest.initramfs, disk, what)?)?;
    let is_said = |line: &&Value| line["setting"].is_null() && line["done"].is_null();
    Ok(found.iter().filter(is_said).map(|line| format!("{line}\n")).collect())
}

/// The lines that the guest writes while it does `what`.
fn boot(guest: &Guest, initramfs: &Path, disk: &Path, what: &str) -> Outcome<Vec<String>> {
    let temporary = Temporary::create()?;
    let log = temporary.file("log");
    let machine = machine(guest.kernel.clone(), initramfs.to_path_buf(), disk, log);
    let mut child = Command::new(QEMU.path()?)
        .args(machine.arguments())
        .args(COUNTING)
        .args(command_line(what))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .when(|| "cannot start QEMU".into())?;
    let lines = output(&mut child);
    // It has ended, or has said nothing for too long.
    let _ = child.kill();
    let _ = child.wait();
    Ok(lines)
}

/// The lines that the guest writes until it ends or is silent for too long.
fn output(child: &mut Child) -> Vec<String> {
    let (sender, lines) = mpsc::channel();
    if let Some(console) = child.stdout.take() {
        thread::spawn(move || {
            let read = BufReader::new(console).lines().map_while(Result::ok);
            // Nobody listens any more when it was silent for too long.
            read.into_iter().try_for_each(|line| sender.send(line)).ok()
        });
    }
    std::iter::from_fn(|| lines.recv_timeout(PATIENCE).ok()).collect()
}

/// What the guest wrote of itself, if it finished. What does not look like a row is its kernel's.
fn finished(lines: &[String]) -> Outcome<Vec<Value>> {
    let found = lines.iter().filter_map(|line| serde_json::from_str(line.trim()).ok());
    let found: Vec<Value> = found.collect();
    if let Some(error) = found.iter().find_map(|line| line["error"].as_str()) {
        return Err(Failure::new(format!("the Linux guest failed: {error}")));
    }
    if !found.iter().any(|line| line["done"] == true) {
        let last = lines.last().map_or("nothing", |line| line.trim());
        return Err(Failure::new(format!("the Linux guest did not finish; it said last: {last}")));
    }
    Ok(found)
}

/// Reads what the guest measured.
fn read(found: &[Value], versions: &str) -> Outcome<Vec<Row>> {
    let calibration = found.iter().find_map(|line| line["calibration"].as_f64());
    if !calibration.is_some_and(|ticks| (ticks - 1.0).abs() <= 0.001) {
        let message = format!("an instruction of a loop of known length is {calibration:?} ticks");
        return Err(Failure::new(message));
    }
    let method = format!(
        "QEMU -icount shift=0, -cpu {PROCESSOR}, {versions}, {}; shortest of the tries, without the loop",
        settings(found)
    );
    let row = |line: &Value| {
        let name = format!("{}/{}/linux", line["group"].as_str()?, line["what"].as_str()?);
        let measure = Measure::new(line["whole"].as_f64()?, Unit::Instructions, &method);
        Some(Row::new(name, measure))
    };
    Ok(found.iter().filter_map(row).collect())
}

/// What the guest says of itself.
fn settings(found: &[Value]) -> String {
    let setting =
        |line: &Value| Some(format!("{}: {}", line["setting"].as_str()?, line["is"].as_str()?));
    found.iter().filter_map(setting).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{finished, read};
    use crate::{bench::row::Row, failure::Outcome};

    fn rows(text: &str) -> Outcome<Vec<Row>> {
        let lines: Vec<_> = text.lines().map(String::from).collect();
        read(&finished(&lines)?, "linux 6")
    }

    #[test]
    fn rows_are_told_from_what_the_kernel_says() {
        let text = "[    1.0] something\r\n{\"setting\":\"clock source\",\"is\":\"tsc\"}\r\n{\"calibration\":1.000}\n\
            {\"group\":\"calls\",\"what\":\"eventfd\",\"whole\":8490.016}\n{\"done\":true}\n";
        let rows = rows(text).unwrap_or_default();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].name.as_str(), rows[0].value()),
            ("calls/eventfd/linux", Some(8490.016))
        );
        assert!(
            rows[0].json()[0]["method"].as_str().is_some_and(|m| m.contains("clock source: tsc"))
        );
    }

    #[test]
    fn a_guest_that_does_not_finish_or_counts_wrongly_has_no_rows() {
        assert!(rows("{\"calibration\":1.000}\nKernel panic").is_err());
        assert!(rows("{\"calibration\":0.350}\n{\"done\":true}").is_err());
        assert!(rows("{\"error\":\"mount: no\"}").is_err());
    }
}
