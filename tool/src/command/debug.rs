//! `warren debug`.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

use clap::Args;
use elf::{ElfBytes, endian::LittleEndian};
use warren_engine::plan::{Placement, Plan};

use super::{check, run};
use crate::{
    build::{self, BuiltServer},
    failure::{Failure, Outcome, While},
    project::Project,
    run::{
        archive,
        dependents::Dependents,
        keyboard,
        machine::{self, Adapter, Board, Line, Machine},
        packages::{GDB, QEMU},
        temporary::Temporary,
    },
    system::{Request, Target},
};

/// Starts a system stopped, with gdb attached and all symbols at hand.
///
/// Breakpoints can be set in the kernel and in servers that are not loaded yet: `break walk.rs:22`, or the whole
/// name of a function. `continue` starts the system. Without a command the console is on a terminal of its
/// own, which is named at the start.
#[derive(Args)]
pub struct Arguments {
    /// A name under systems/, or the path of a system file.
    #[arg(default_value = "demo")]
    system: String,
    /// The disk's image, which is not changed. Without it a demo disk is made of the project's documents.
    #[arg(long)]
    disk: Option<PathBuf>,
    /// Place a server elsewhere, as for `run`.
    #[arg(long, value_name = "SERVER=PLACEMENT", value_parser = super::placement)]
    place: Vec<(String, Placement)>,
    /// A command for gdb; may be said several times. gdb ends after the last one.
    #[arg(long, short = 'x', value_name = "COMMAND")]
    execute: Vec<String>,
    /// A command for the shell.
    #[arg(last = true)]
    command: Vec<String>,
}

/// What gdb is told by its environment. See `debug.py`.
const SCRIPT: &str = include_str!("debug.py");

/// The engine's function that calls constructors and start hooks.
const LAUNCH: &str = "warren_engine::death::call_hidden";

/// Runs gdb until it ends, and the system with it.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let path = project.system(&arguments.system)?;
    let disk = run::disk(project, arguments.disk.as_deref())?;
    let servers = build::servers(project)?;
    let mode = if arguments.command.is_empty() { "interactive" } else { "script" };
    let request = Request {
        target: Target::Machine,
        placements: arguments.place.clone(),
        parameters: vec![("mode".into(), mode.into())],
        ..Request::default()
    };
    let plan = check::checked(project, &path, &build::facts(&servers), &request)?;
    let kernel = build::kernel(project)?;
    let (qemu, gdb) = (QEMU.path()?, GDB.path()?);
    let temporary = Temporary::create()?;
    let networks = machine::networks(&plan);
    let machine = Machine { networks, ..machine(arguments, kernel.clone(), disk, &temporary) };
    archive::write(&machine.archive, &plan, &servers)?;
    let dependents = Dependents::watch()?;
    let mut system = start(qemu, &machine, arguments, &plan, &temporary)?;
    let ended = dependents
        .add(&system)
        .and_then(|()| debugger(gdb, arguments, &kernel, &plan, &servers, &temporary, &dependents));
    // The machine waits for a debugger that is gone, or has ended already.
    let _ = system.kill();
    let _ = system.wait();
    match dependents.end() {
        Some(signal) => Err(Failure::silent(128 + u8::try_from(signal).unwrap_or(0))),
        None => ended,
    }
}

fn machine(
    arguments: &Arguments,
    kernel: PathBuf,
    disk: PathBuf,
    temporary: &Temporary,
) -> Machine {
    let console = if arguments.command.is_empty() { Line::Terminal } else { Line::Standard };
    Machine {
        board: Board::Q35,
        processor: "max".into(),
        processors: 1,
        memory_mib: 256,
        kernel,
        archive: temporary.file("boot.tar"),
        disk: Some(disk),
        networks: 0,
        adapter: Adapter::default(),
        outlet: None,
        forwards: Vec::new(),
        console,
        log: Line::File(temporary.file("log")),
        debugger: Some(temporary.file("gdb.socket")),
    }
}

/// Starts QEMU, out of reach of the ^C that interrupts the system under gdb.
fn start(
    qemu: PathBuf,
    machine: &Machine,
    arguments: &Arguments,
    plan: &Plan,
    temporary: &Temporary,
) -> Outcome<Child> {
    let mut command = Command::new(qemu);
    command.args(machine.arguments()).process_group(0).stdin(Stdio::piped());
    if arguments.command.is_empty() {
        command.stdout(Stdio::piped());
    }
    let mut system = command.spawn().when(|| "cannot start QEMU".into())?;
    if let Some(output) = system.stdout.take() {
        thread::spawn(move || name_terminal(output));
    }
    if let (Some(console), false) = (system.stdin.take(), arguments.command.is_empty()) {
        let line = arguments.command.join(" ");
        let (log, ready) = (temporary.file("log"), run::ready_mark(plan));
        thread::spawn(move || type_when_ready(&line, console, &log, ready.as_deref()));
    }
    Ok(system)
}

/// Says on which terminal the console is.
fn name_terminal(output: ChildStdout) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Some(terminal) = line.split_whitespace().find(|word| word.starts_with("/dev/")) {
            eprintln!("the console is on {terminal}: `screen {terminal}` in another terminal");
        }
    }
}

/// Types the command when the log says that the system is ready, as late as that may be.
fn type_when_ready(line: &str, mut console: impl Write, log: &Path, ready: Option<&str>) {
    let is_ready = || match (ready, fs::read(log)) {
        (Some(mark), Ok(log)) => String::from_utf8_lossy(&log).contains(mark),
        (None, _) => true,
        (_, Err(_)) => false,
    };
    while !is_ready() {
        thread::sleep(Duration::from_millis(50));
    }
    // A system that ended reads no more, which gdb has told already.
    let _ = keyboard::copy_script(&mut line.as_bytes(), &mut console);
    // The console stays open until the tool ends.
    thread::park();
}

fn debugger(
    gdb: PathBuf,
    arguments: &Arguments,
    kernel: &Path,
    plan: &Plan,
    servers: &[BuiltServer],
    temporary: &Temporary,
    dependents: &Dependents,
) -> Outcome {
    let script = temporary.file("warren.py");
    fs::write(&script, SCRIPT).when(|| format!("cannot write `{}`", script.display()))?;
    let mut command = Command::new(gdb);
    command.arg("-quiet").env("WARREN_LOG", temporary.file("log"));
    command.env("WARREN_SERVERS", debug_files(plan, servers));
    command.env("WARREN_LAUNCH", address_of(kernel, LAUNCH)?);
    for setting in ["confirm off", "pagination off", "breakpoint pending on"] {
        command.args(["-iex", &format!("set {setting}")]);
    }
    command.args(["-ex", &format!("target remote {}", temporary.file("gdb.socket").display())]);
    command.args(["-ex", &format!("source {}", script.display())]);
    if !arguments.execute.is_empty() {
        command.arg("-batch");
    }
    for line in &arguments.execute {
        command.args(["-ex", line]);
    }
    command.arg(kernel);
    // ^C is gdb's.
    let ignored = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, ignored)
        .when(|| "cannot leave ^C to gdb".into())?;
    // gdb says itself what went wrong; its status is that of the last of its commands.
    let mut debugger = command.spawn().when(|| "cannot start gdb".into())?;
    dependents.add(&debugger)?;
    debugger.wait().when(|| "cannot wait for gdb".into())?;
    Ok(())
}

/// `NAME=FILE` for each server, with the files that have symbols.
fn debug_files(plan: &Plan, servers: &[BuiltServer]) -> String {
    let line = |server: &warren_engine::plan::PlannedServer| {
        let built = servers.iter().find(|built| built.paths.name == server.file)?;
        Some(format!("{}={}\n", server.name, built.paths.debug.display()))
    };
    plan.servers.iter().filter_map(line).collect()
}

/// Address of the function with this path, which the program has as one of its own.
fn address_of(program: &Path, function: &str) -> Outcome<String> {
    let bytes = fs::read(program).when(|| format!("cannot read `{}`", program.display()))?;
    let broken = |_| Failure::new(format!("`{}` is no ELF file", program.display()));
    let elf = ElfBytes::<LittleEndian>::minimal_parse(&bytes).map_err(broken)?;
    let symbols = elf.symbol_table().map_err(broken)?;
    let found = symbols.and_then(|(symbols, names)| {
        symbols.iter().find(|symbol| {
            let name = names.get(symbol.st_name as usize).unwrap_or_default();
            format!("{:#}", rustc_demangle::demangle(name)) == function
        })
    });
    let missing = || Failure::new(format!("`{}` has no `{function}`", program.display()));
    found.map(|symbol| format!("{:#x}", symbol.st_value)).ok_or_else(missing)
}
