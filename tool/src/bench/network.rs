//! What a KiB costs that a system receives or sends by TCP.
//!
//! # Method
//!
//! This host is the other side: a plain client of ports that QEMU's user network leads into the machine, which has no offloads, and 1500 bytes in a packet. A
//! plugin of QEMU counts all instructions that the guest executes, and is read when a transfer begins and when it has ended; who executes them
//! does not matter, so that the Linux guest is measured in the same way, with a program that reads and writes as much at a time. The guest waits without executing
//! anything, and its clock counts instructions while it works (`-icount shift=0`).
//!
//! How many packets come together depends on what this host does beside, so that the numbers of two runs differ by some percent.

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use warren_engine::plan::Placement;

use super::{
    boot, compiler,
    linux::{self, Guest},
    row::{Measure, Row, Unit, rounded},
};
use crate::{
    failure::{Failure, Outcome, While},
    project::Project,
    run::{
        image,
        machine::{COUNTING_IDLE, Forward, Machine},
        temporary::Temporary,
    },
};

/// Where the servers are.
const PLACES: [(&str, Option<Placement>); 3] =
    [("kernel", Some(Placement::Kernel)), ("default", None), ("own", Some(Placement::Own))];
/// Systems, and what is measured of each.
const SYSTEMS: [(&str, &[Transfer]); 2] =
    [("services", &[Transfer::Receive, Transfer::Send]), ("web", &[Transfer::Get])];
/// The port of the echo.
const ECHO: u16 = 7;
/// A document that the system `web` serves.
const DOCUMENT: &str = "/ARCHITECTURE.md";

/// Bytes of a transfer, and of the one that warms up.
const BYTES: u64 = 2 << 20;
const WARMING: u64 = 1 << 20;
/// How long a system may take to boot.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one may say nothing.
const SILENCE: Duration = Duration::from_secs(60);

/// Bytes that go through the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transfer {
    /// The system's discard service receives them.
    Receive,
    /// Its character generator sends them.
    Send,
    /// Its HTTP server sends a document again and again, by one connection.
    Get,
}

impl Transfer {
    fn port(self) -> u16 {
        match self {
            Transfer::Receive => 9,
            Transfer::Send => 19,
            Transfer::Get => 80,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Transfer::Receive => "received, per KiB",
            Transfer::Send => "sent, per KiB",
            Transfer::Get => "documents by HTTP, per KiB",
        }
    }

    fn method(self) -> String {
        match self {
            Transfer::Receive => "by discard, from a plain client".into(),
            Transfer::Send => "by the character generator, to a plain client".into(),
            Transfer::Get => format!("GET {DOCUMENT} again and again, by one connection"),
        }
    }

    /// Lets `bytes` go through, or somewhat more; how many.
    fn run(self, port: u16, bytes: u64) -> io::Result<u64> {
        let stream = connect(port)?;
        match self {
            Transfer::Receive => give(stream, bytes),
            Transfer::Send => take(stream, bytes),
            Transfer::Get => get(stream, bytes),
        }
    }
}

/// Connects to a port of this host, on which nobody may be silent for long.
pub(super) fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    Ok(stream)
}

/// Sends bytes, ends, and waits until the other side has ended, too, which means that it has read all of them.
fn give(mut stream: TcpStream, bytes: u64) -> io::Result<u64> {
    io::copy(&mut io::repeat(b'x').take(bytes), &mut stream)?;
    stream.shutdown(Shutdown::Write)?;
    match stream.read(&mut [0])? {
        0 => Ok(bytes),
        _ => Err(io::Error::other("the discard service has answered")),
    }
}

fn take(stream: TcpStream, bytes: u64) -> io::Result<u64> {
    match io::copy(&mut stream.take(bytes), &mut io::sink())? {
        count if count == bytes => Ok(bytes),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn get(mut stream: TcpStream, bytes: u64) -> io::Result<u64> {
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut done = 0;
    while done < bytes {
        write!(stream, "GET {DOCUMENT} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let length = head(&mut answers)?;
        if io::copy(&mut answers.by_ref().take(length), &mut io::sink())? != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        done += length;
    }
    Ok(done)
}

/// Reads the head of an answer; how long what follows is.
fn head(answers: &mut impl BufRead) -> io::Result<u64> {
    let lines: Vec<String> = answers
        .lines()
        .take_while(|line| !line.as_ref().is_ok_and(String::is_empty))
        .collect::<Result<_, _>>()?;
    let is_good = lines.first().is_some_and(|line| line.starts_with("HTTP/1.1 200 "));
    let length = lines.iter().filter(|_| is_good).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.ok_or_else(|| io::Error::other(format!("the answer is {lines:?}")))
}

/// Whether the system answers at a port.
fn answers(forward: Forward) -> bool {
    let ask = || match forward.system {
        ECHO => {
            let mut stream = connect(forward.host)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"?")?;
            stream.read_exact(&mut [0])
        }
        _ => Transfer::Get.run(forward.host, 1).map(drop),
    };
    ask().is_ok()
}

/// A port of this host that nobody has.
pub(super) fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).when(|| "no port is free".into())
}

/// A machine whose instructions are counted while it runs.
struct Counted {
    child: Option<Child>,
    forwards: Vec<Forward>,
    number: PathBuf,
    /// The number and the log lie there.
    _folder: Temporary,
}

impl Counted {
    /// Boots a machine, until it answers.
    fn boot(
        project: &Project,
        folder: Temporary,
        machine: Machine,
        arguments: &[OsString],
        ports: &[u16],
    ) -> Outcome<Self> {
        let port = |system: &u16| Ok(Forward { host: free_port()?, system: *system, network: 0 });
        let forwards: Vec<_> = ports.iter().map(port).collect::<Outcome<_>>()?;
        let machine = Machine { networks: 1, forwards: forwards.clone(), ..machine };
        let number = folder.file("executed");
        let plugin = format!("{},live={}", compiler::counter(project)?.display(), number.display());
        let child = boot::start(arguments, &machine, |command| {
            command.args(COUNTING_IDLE).arg("-plugin").arg(&plugin);
        })?;
        let counted = Counted { child: Some(child), forwards, number, _folder: folder };
        let end = Instant::now() + PATIENCE;
        while !counted.forwards.first().is_some_and(|first| answers(*first)) {
            if Instant::now() > end {
                return Err(Failure::new("the system does not answer by its network"));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(counted)
    }

    /// Instructions that it has executed.
    fn executed(&self) -> Outcome<u64> {
        let bytes = fs::read(&self.number).when(|| "the plugin of QEMU wrote nothing".into())?;
        let number = bytes.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes));
        number.ok_or_else(|| Failure::new("the plugin of QEMU has not counted"))
    }

    /// What a KiB costs, in as many transfers as `runs`.
    fn measure(&self, transfer: Transfer, place: &str, runs: u32, method: &str) -> Row {
        let name = format!("network/{}/{place}", transfer.name());
        let method = format!(
            "all instructions of the guest, counted by a plugin of QEMU under -icount shift=0, -cpu {}; {}; virtio-net, QEMU's user network; {method}",
            linux::PROCESSOR,
            transfer.method()
        );
        match self.samples(transfer, runs) {
            Ok(samples) => {
                Row::new(name, Measure { samples, ..Measure::new(0.0, Unit::Instructions, method) })
            }
            Err(failure) => Row::failed(name, failure.message()),
        }
    }

    fn samples(&self, transfer: Transfer, runs: u32) -> Outcome<Vec<f64>> {
        let forward = self.forwards.iter().find(|forward| forward.system == transfer.port());
        let port = forward.map(|forward| forward.host).unwrap_or_default();
        let run = |bytes| transfer.run(port, bytes).when(|| "a transfer failed".into());
        run(WARMING)?;
        let sample = |_| {
            let before = self.executed()?;
            let bytes = run(BYTES)?;
            Ok(rounded((self.executed()? - before) as f64 * 1024.0 / bytes as f64))
        };
        (0..runs).map(sample).collect()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            boot::end(child);
        }
    }
}

/// Lets bytes go through each system, in each place.
pub fn measure(project: &Project, runs: u32) -> Vec<Row> {
    let mut rows = Vec::new();
    for (place, placement) in &PLACES {
        for (system, transfers) in SYSTEMS {
            eprintln!("network of the system `{system}`, {place}: half a minute …");
            let place = (*place, placement.as_ref());
            let measured = measure_system(project, (system, transfers), place, runs);
            rows.extend(super::or_row(&format!("network/{system}/{}", place.0), measured));
        }
    }
    rows
}

fn measure_system(
    project: &Project,
    (system, transfers): (&str, &[Transfer]),
    (place, placement): (&str, Option<&Placement>),
    runs: u32,
) -> Outcome<Vec<Row>> {
    let folder = Temporary::create()?;
    let archive = folder.file("boot.tar");
    let placements = placement.map(|placement| ("all".into(), placement.clone()));
    boot::write_archive(project, system, placements.as_slice(), &archive)?;
    let kernel = crate::build::kernel(project)?;
    let machine = linux::machine(kernel, archive, &image::demo(project)?, folder.file("log"));
    let mut ports: Vec<_> = transfers.iter().map(|transfer| transfer.port()).collect();
    if !transfers.contains(&Transfer::Get) {
        ports.insert(0, ECHO);
    }
    let counted = Counted::boot(project, folder, machine, &[], &ports)?;
    let method = format!("system `{system}`");
    Ok(transfers.iter().map(|one| counted.measure(*one, place, runs, &method)).collect())
}

/// Lets bytes go through the Linux guest.
pub fn measure_linux(
    project: &Project,
    guest: &Guest,
    disk: &Path,
    runs: u32,
) -> Outcome<Vec<Row>> {
    eprintln!("network of the Linux guest: half a minute …");
    let folder = Temporary::create()?;
    let (kernel, initramfs) = (guest.kernel.clone(), guest.initramfs.clone());
    let machine = linux::machine(kernel, initramfs, disk, folder.file("log"));
    let transfers = [Transfer::Receive, Transfer::Send];
    let ports = [ECHO, transfers[0].port(), transfers[1].port()];
    let arguments = linux::command_line("network");
    let counted = Counted::boot(project, folder, machine, &arguments, &ports)?;
    let method = format!("{}, one process that polls", guest.versions);
    Ok(transfers.iter().map(|one| counted.measure(*one, "linux", runs, &method)).collect())
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn the_head_of_an_answer_says_how_long_the_document_is() {
        let mut answer = &b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 12\r\n\r\nhello"[..];
        assert_eq!(head(&mut answer).ok(), Some(12));
        assert_eq!(answer, b"hello");
    }

    #[test]
    fn an_answer_without_a_document_is_an_error() {
        assert!(head(&mut &b"HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\n\r\n"[..]).is_err());
        assert!(head(&mut &b"HTTP/1.1 200 OK\r\n\r\n"[..]).is_err());
        assert!(head(&mut &b""[..]).is_err());
    }
}
