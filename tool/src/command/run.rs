//! `warren run`.

use std::{
    fs,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;
use warren_engine::plan::{Binding, Placement, Plan};

use super::check;
use crate::{
    build::{self, BuiltServer},
    failure::{Failure, Outcome, While},
    project::Project,
    run::{
        archive, image,
        machine::{self, Adapter, Board, End, Forward, Line, Machine, Outlet},
        packages::QEMU,
        ports,
        session::{self, Input, Log, Seen, Watch},
        tap,
        temporary::Temporary,
        words,
    },
    system::{Request, Target, facts::service},
};

/// Boots a system to its prompt.
///
/// When standard input is not a terminal its lines are the commands: only their output is printed, and
/// the exit status is the last command's, or 125 if the system breaks off. In a terminal, `exit` or ^A x leaves.
#[derive(Args)]
pub struct Arguments {
    /// A name under systems/, or the path of a system file.
    #[arg(default_value = "demo")]
    system: String,
    /// The disk's image, which is not changed. Without it a demo disk is made of the project's documents.
    #[arg(long)]
    disk: Option<PathBuf>,
    /// Place a server elsewhere: SERVER=kernel, =own, =shared:DOMAIN; the server `all` is every one.
    #[arg(long, value_name = "SERVER=PLACEMENT", value_parser = super::placement)]
    place: Vec<(String, Placement)>,
    /// Run in a Linux process and not in QEMU.
    #[arg(long)]
    hosted: bool,
    /// Give each domain of a hosted system a Linux process of its own; otherwise all servers share one.
    #[arg(long, requires = "hosted")]
    processes: bool,
    /// Number of processors.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    cpus: u32,
    /// Memory in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    memory: u32,
    /// Which machine QEMU plays.
    #[arg(long, value_enum, default_value_t)]
    machine: Board,
    /// QEMU's name of the processor.
    #[arg(long, value_name = "MODEL", default_value = "max")]
    cpu: String,
    /// What a network device is that the system has.
    #[arg(long, value_enum, default_value_t, conflicts_with = "hosted")]
    adapter: Adapter,
    /// Let the system's network device be this TAP device of Linux's, which exists, instead of one in QEMU's user network. If it was made
    /// with several queues (`multi_queue`), a machine with several processors uses them.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["forward"])]
    tap: Option<String>,
    /// Let programs of this host reach a port of the system's first network: HOSTPORT:PORT, at 127.0.0.1, by TCP; of its second one by
    /// HOSTPORT:PORT@1, and so on; with /udp behind it by UDP. In the place of those that the system file names.
    #[arg(long, value_name = "HOSTPORT:PORT[@NETWORK][/udp]", conflicts_with = "hosted", value_parser = Forward::parse)]
    forward: Vec<Forward>,
    /// A word of the kernel's command line: `NAME=VALUE` for servers that have this parameter; `log=com1`, `com2` or `none`;
    /// `cpus=0,1`, the numbers of local APICs, where the machine's tables are wrong; `preempt=LEAST-GREATEST`, with which
    /// the timer interrupts at random, that many nanoseconds after it did the last time, and lets another thread run;
    /// `help=off`, with which whoever waits for a server's lock does not lend its holder time.
    #[arg(long, value_name = "WORD", conflicts_with = "hosted")]
    append: Vec<String>,
    /// Let the machine's clock count instructions, so that measurements are the same each time.
    #[arg(long, hide = true)]
    count_instructions: bool,
    /// A further argument of QEMU's.
    #[arg(long, hide = true, allow_hyphen_values = true, value_name = "WORD")]
    qemu: Vec<String>,
    /// A word of the command under which the Linux process runs.
    #[arg(long, hide = true, allow_hyphen_values = true, value_name = "WORD", requires = "hosted")]
    under: Vec<String>,
    /// Show the whole log on standard error.
    #[arg(long, short)]
    verbose: bool,
    /// A command for the shell, instead of those on standard input.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Runs the system and ends with its status.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let path = project.system(&arguments.system)?;
    arguments.tap.as_deref().map_or(Ok(()), tap::check)?;
    let disk = disk(project, arguments.disk.as_deref())?;
    let input = match arguments.command.is_empty() {
        true => Input::from_standard_input(),
        false => Input::Line(arguments.command.join(" ")),
    };
    let servers = build::servers(project)?;
    let request = Request {
        target: if arguments.hosted { Target::Hosted } else { Target::Machine },
        processes: arguments.processes,
        placements: arguments.place.clone(),
        parameters: vec![("mode".into(), input.mode().into())],
    };
    let facts = build::facts(&servers);
    let (plan, mut forwards) = check::checked_with_forwards(project, &path, &facts, &request)?;
    if !arguments.forward.is_empty() {
        forwards = arguments.forward.clone();
    }
    for reason in words::unread(&arguments.append, &plan, &facts) {
        eprintln!("warning: --append: {reason}");
    }
    if arguments.tap.is_some() {
        forwards.retain(|forward| forward.network != FIRST);
    }
    match arguments.hosted {
        true => in_process(project, arguments, &servers, &plan, &disk, input),
        false => in_machine(project, arguments, &servers, (&plan, &forwards), &disk, input),
    }
}

/// The disk that was asked for, or the demo disk.
pub fn disk(project: &Project, disk: Option<&Path>) -> Outcome<PathBuf> {
    let Some(disk) = disk else { return image::demo(project) };
    let disk = std::path::absolute(disk).when(|| format!("cannot find `{}`", disk.display()))?;
    let facts = fs::metadata(&disk).when(|| format!("cannot use the disk `{}`", disk.display()))?;
    match facts.is_dir() {
        true => {
            let message = format!("the disk `{}` is a folder", disk.display());
            let remedy =
                format!("make an image of it: mke2fs -t ext4 -d {0} IMAGE 64M", disk.display());
            Err(Failure::new(message).remedy(remedy))
        }
        false => {
            fs::File::open(&disk).when(|| format!("cannot read the disk `{}`", disk.display()))?;
            Ok(disk)
        }
    }
}

/// Runs the system under the hosted platform.
fn in_process(
    project: &Project,
    arguments: &Arguments,
    servers: &[BuiltServer],
    plan: &Plan,
    disk: &Path,
    input: Input,
) -> Outcome {
    if !arguments.place.is_empty() && !arguments.processes {
        return Err(Failure::new("--place means nothing with --hosted alone")
            .remedy("a Linux process has one space; say --processes, too, or leave --place away"));
    }
    check_wire(plan, arguments.tap.as_deref())?;
    check_queues(arguments, "a Linux process", false)?;
    let program = build::hosted(project)?;
    let temporary = Temporary::create()?;
    let boot = temporary.file("boot.tar");
    archive::write(&boot, plan, servers)?;
    let mut command = match arguments.under.split_first() {
        Some((under, words)) => {
            let mut command = Command::new(under);
            command.args(words).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.arg("--archive").arg(boot).arg("--disk").arg(disk).arg("--verbose");
    if let Some(name) = &arguments.tap {
        command.arg("--tap").arg(name);
    }
    let watch = Watch { verbose: arguments.verbose, ready: None };
    let seen = session::run(command, input, Log::StandardError, &watch)?;
    ended(&seen)?;
    let mut lines = seen.log.iter().chain(&seen.complaints);
    if let Some(why) = lines.find_map(|line| line.strip_prefix(HOSTED)) {
        return Err(Failure::new(why).status_of(GAVE_UP));
    }
    match seen.code.and_then(|code| u8::try_from(code).ok()) {
        Some(status) => finish(status, &seen),
        None => Err(broken(&seen, "the hosted system was killed")),
    }
}

/// A system with a network needs a device of Linux's, and only such a system has a use for one.
fn check_wire(plan: &Plan, tap: Option<&str>) -> Outcome {
    let wire = Binding::Native { service: service::WIRE };
    let mut bindings = plan.servers.iter().flat_map(|server| &server.bindings);
    match (bindings.any(|binding| *binding == wire), tap) {
        (true, None) => {
            Err(Failure::new("the system has a network, and a Linux process no device for it")
                .remedy(
                    "name a TAP device: `--tap NAME`; `ip tuntap add dev NAME mode tap` makes one",
                ))
        }
        (false, Some(tap)) => Err(nowhere(&format!("the TAP device `{tap}` leads"))),
        _ => Ok(()),
    }
}

/// Something of the host's leads to a network that the system has not.
fn nowhere(what: &str) -> Failure {
    Failure::new(format!("{what} nowhere: the system has no network device"))
        .remedy("take a system with a network, such as `network`")
}

/// Runs the system in QEMU.
fn in_machine(
    project: &Project,
    arguments: &Arguments,
    servers: &[BuiltServer],
    (plan, forwards): (&Plan, &[Forward]),
    disk: &Path,
    input: Input,
) -> Outcome {
    let kernel = build::kernel(project)?;
    let program = QEMU.path()?;
    let temporary = Temporary::create()?;
    let boot = temporary.file("boot.tar");
    archive::write(&boot, plan, servers)?;
    check_memory(arguments.memory, &[&kernel, &boot])?;
    let networks = networks(arguments, plan, forwards)?;
    ports::check(forwards)?;
    let log = temporary.file("log.socket");
    let listener = UnixListener::bind(&log).when(|| format!("cannot open `{}`", log.display()))?;
    let machine = Machine {
        board: arguments.machine,
        processor: arguments.cpu.clone(),
        processors: arguments.cpus,
        memory_mib: arguments.memory,
        kernel,
        archive: boot,
        disk: Some(disk.to_path_buf()),
        networks,
        adapter: adapter(arguments)?,
        outlet: outlet(arguments)?,
        forwards: forwards.into(),
        console: Line::Standard,
        log: Line::Socket(log),
        debugger: None,
    };
    let mut command = Command::new(program);
    command.args(machine.arguments());
    if arguments.count_instructions {
        command.args(machine::COUNTING);
    }
    if !arguments.append.is_empty() {
        command.arg("-append").arg(arguments.append.join(" "));
    }
    command.args(&arguments.qemu);
    let stream = Log::Stream(Box::new(move || {
        listener.accept().map(|(stream, _)| Box::new(stream) as Box<dyn std::io::Read + Send>)
    }));
    let watch = Watch { verbose: arguments.verbose, ready: ready_mark(plan) };
    let seen = session::run(command, input, stream, &watch)?;
    ended(&seen)?;
    match machine::end(seen.code, seen.heard) {
        End::Status(status) => finish(status, &seen),
        End::Reset => Err(broken(&seen, "the machine reset itself")),
        End::Broken => Err(broken(&seen, "QEMU ended before the system did")),
    }
}

/// What network devices are, if the machine can have them.
fn adapter(arguments: &Arguments) -> Outcome<Adapter> {
    match (arguments.machine, arguments.adapter) {
        (_, Adapter::Virtio) => Ok(Adapter::Virtio),
        (Board::Microvm, _) => Err(Failure::new("a microvm has no PCI bus for this adapter")
            .remedy("take another `--machine`, or the adapter `virtio`")),
        (_, adapter) => Ok(adapter),
    }
}

/// What the first network device is connected to, if it is to be something of this host's.
fn outlet(arguments: &Arguments) -> Outcome<Option<Outlet>> {
    check_queues(arguments, "this adapter", arguments.adapter == Adapter::Virtio)?;
    Ok(arguments.tap.as_deref().map(tap::outlet))
}

/// Who cannot use several queues gets nothing of what Linux gives to others than the first: a device that has them is not for it.
fn check_queues(arguments: &Arguments, who: &str, can: bool) -> Outcome {
    match &arguments.tap {
        Some(name) if !can && tap::has_queues(name) => {
            let message = format!("the TAP device `{name}` has several queues, and {who} only one");
            Err(Failure::new(message).remedy(
                "make it without `multi_queue`, or take a machine with the adapter `virtio`",
            ))
        }
        _ => Ok(()),
    }
}

/// How many network devices there are; there must be those to which something of the host's is to lead.
fn networks(arguments: &Arguments, plan: &Plan, forwards: &[Forward]) -> Outcome<u32> {
    let networks = machine::networks(plan);
    let astray = forwards.iter().find(|forward| forward.network >= networks);
    let what = match (&arguments.tap, astray) {
        (Some(tap), _) if networks == 0 => format!("the TAP device `{tap}` leads"),
        (_, Some(_)) if networks == 0 => "ports lead".into(),
        (_, Some(forward)) => {
            let message = format!("`{forward}` leads nowhere");
            return Err(Failure::new(message).remedy(machine::networks_are(networks)));
        }
        (_, None) => return Ok(networks),
    };
    Err(nowhere(&what))
}

/// A script is sent when everything has started that is to be started: what that requires, the console included, is
/// there by then, and loses no byte.
pub fn ready_mark(plan: &Plan) -> Option<String> {
    let last = plan.servers.get(*plan.start.last()?)?;
    Some(format!("{}: started", last.name))
}

/// The least memory that can be worth a try: what is loaded, twice, and something to work with.
fn check_memory(memory_mib: u32, loaded: &[&Path]) -> Outcome {
    let bytes: u64 = loaded.iter().filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum();
    let least = (2 * bytes).div_ceil(1 << 20) + 24;
    if u64::from(memory_mib) >= least {
        return Ok(());
    }
    let message = format!("{memory_mib} MiB are too little memory for this system");
    Err(Failure::new(message).remedy(format!("give it at least {least}: --memory {least}")))
}

/// Ends the command where the person or a signal ended the system.
fn ended(seen: &Seen) -> Outcome {
    match seen.signal {
        Some(signal) => Err(Failure::silent(128 + u8::try_from(signal).unwrap_or(0))),
        None if seen.left => Err(Failure::silent(0)),
        None => Ok(()),
    }
}

/// Ends the command with the system's status, unless the system never came so far that it meant one.
fn finish(status: u8, seen: &Seen) -> Outcome {
    let panicked = seen.log.iter().any(|line| line.starts_with(PANIC));
    match status {
        _ if panicked => Err(broken(seen, "the kernel gave up")),
        _ if !seen.ready => Err(broken(seen, "the system did not start")),
        0 => Ok(()),
        status => Err(Failure::silent(status)),
    }
}

/// How the hosted platform says why it does not start.
const HOSTED: &str = "warren-hosted: ";
/// How the kernel's last words start.
const PANIC: &str = "kernel panic on";
/// Exit status where the system has none, as `timeout` and `env` have it: 127 would be a command that is not there.
const GAVE_UP: u8 = 125;
/// The network that a TAP device takes the place of, to which then nothing else of the host's leads.
const FIRST: u32 = 0;

/// Shows what was said last.
fn broken(seen: &Seen, message: &str) -> Failure {
    let log = seen.log.iter().filter(|_| !seen.log_shown);
    log.chain(&seen.complaints).for_each(|line| eprintln!("{line}"));
    let failure = Failure::new(message).status_of(GAVE_UP);
    match seen.log.is_empty() && seen.complaints.is_empty() {
        true => failure.remedy("it said nothing; `--verbose` shows the whole log"),
        false => failure.remedy("the last lines above say why; `--verbose` shows the whole log"),
    }
}
