//! The command `warren-hosted`: runs a boot archive in this process.
//!
//! The exit status is what the system gives to `Power`, or the status of its last program.

use std::{fs, fs::File, path::PathBuf, process::ExitCode};

use warren_hosted::{
    archive::Archive,
    machine::{self, Settings},
    natives::{self, Devices, TapDevice},
};

const USAGE: &str = "usage: warren-hosted --archive PATH [--disk PATH] [--tap NAME] [--verbose]";
/// Exit status when there is nothing to run.
const BAD_CALL: u8 = 2;

/// What the command line says.
#[derive(Default)]
struct Arguments {
    archive: Option<PathBuf>,
    disk: Option<PathBuf>,
    tap: Option<String>,
    verbose: bool,
}

fn main() -> ExitCode {
    match boot() {
        Ok(status) => ExitCode::from(status),
        Err(message) => {
            eprintln!("warren-hosted: {message}");
            ExitCode::from(BAD_CALL)
        }
    }
}

fn boot() -> Result<u8, String> {
    let arguments = parse(std::env::args_os().skip(1))?;
    let path = arguments.archive.ok_or(USAGE)?;
    let failed = |path: &PathBuf| format!("cannot read `{}`", path.display());
    let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", failed(&path)))?;
    let archive = Archive::parse(bytes.leak());
    let archive = archive.map_err(|_| format!("`{}` is no boot archive", path.display()))?;
    let plan = archive.file("plan").ok_or("the archive has no plan")?;
    let plan = warren_engine::plan::decode(plan).map_err(|error| format!("the plan: {error}"))?;
    let disk = match arguments.disk {
        Some(path) => {
            Some(File::open(&path).map_err(|error| format!("{}: {error}", failed(&path)))?)
        }
        None => None,
    };
    let tap = match arguments.tap {
        Some(name) => {
            let failed = |error| format!("cannot use the TAP device `{name}`: {error}");
            Some(TapDevice::open(&name).map_err(failed)?)
        }
        None => None,
    };
    let settings = Settings { verbose: arguments.verbose, plan, archive, ..Settings::default() };
    let run = machine::run(settings, || {
        natives::install(Devices { disk, tap });
        natives::end(natives::run_tasks());
    });
    run.map_err(|error| format!("cannot start: {error}"))?;
    Ok(0)
}

fn parse(mut words: impl Iterator<Item = std::ffi::OsString>) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let mut path = || words.next().map(PathBuf::from).ok_or(USAGE);
        match word.to_str() {
            Some("--archive") => arguments.archive = Some(path()?),
            Some("--disk") => arguments.disk = Some(path()?),
            Some("--tap") => arguments.tap = Some(path()?.to_string_lossy().into_owned()),
            Some("--verbose") => arguments.verbose = true,
            _ => return Err(format!("what is `{}`? {USAGE}", word.display())),
        }
    }
    Ok(arguments)
}
