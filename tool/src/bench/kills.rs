//! Servers of the network that die a hundred times, and how long each of them is missed.
//!
//! # Method
//!
//! While this host downloads 200 MB or more from the system's character generator, and compares each byte with the one that it has to be, a server below TCP is made to fail again and again: once
//! in two megabytes at most. The program `outage` in the system says when it was missed no more, by the system's clock: when the gateway answers an echo request, which goes through all of
//! these servers, and when TCP receives segments again, so that the download goes on. TCP itself, and the servers above it, end their connections; of them it is measured when a
//! port answers the next client.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{
    network::{counted::free_port, transfer::connect},
    row::{Measure, Row, Unit},
};
use crate::{
    failure::{Failure, Outcome, While},
    run::machine::COUNTING_IDLE,
};

/// How often each server dies.
const KILLS: u64 = 100;
/// Bytes of the download from one death to the next.
const PIECE: u64 = 2_000_000;
/// Servers below TCP: each with the station to which a question goes through it. The download goes through IPv4.
const BELOW: [(&str, &str); 6] = [
    ("virtio-net", GATEWAY),
    ("ethernet", GATEWAY),
    ("arp", GATEWAY),
    ("ipv4", GATEWAY),
    ("ipv6", GATEWAY_6),
    ("routing", GATEWAY),
];
/// Servers whose connections end with them: how each is made to fail, and the port that answers when it is back.
const ABOVE: [(&str, &str, u16); 3] = [
    ("tcp", "tcp -p 7", ECHO),
    ("services", "-k services -p 7", ECHO),
    ("http", "-k http -p 80", HTTP),
];
/// QEMU's gateway, and its address of the other kind.
const GATEWAY: &str = "10.0.2.2";
const GATEWAY_6: &str = "fec0::2";

const ECHO: u16 = 7;
const CHARACTERS: u16 = 19;
const HTTP: u16 = 80;

/// How long the system may take to boot.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often to look how far the download is.
const LOOK: Duration = Duration::from_millis(1);

const METHOD: &str = "system `outages`, virtio-net, QEMU's user network; nanoseconds of the guest's clock since the fault was set, which are instructions \
    while it works (-icount shift=0) and this host's time while it waits";

/// Lets each of the servers die so often.
pub fn measure() -> Vec<Row> {
    let below = BELOW.into_iter().flat_map(|(server, station)| {
        super::or_row(&format!("kills/all/{server}"), below(server, station, KILLS))
    });
    let above = ABOVE.into_iter().flat_map(|(server, outage, port)| {
        super::or_row(&format!("kills/all/{server}"), above(server, outage, port, KILLS))
    });
    below.chain(above).collect()
}

/// A server below TCP dies under a download.
fn below(server: &str, station: &str, kills: u64) -> Outcome<Vec<Row>> {
    eprintln!("{kills} deaths of `{server}` under a download: a minute …");
    let mut system = System::boot()?;
    let stream = system.connect(CHARACTERS).when(|| "nobody generates characters".into())?;
    let progress = Progress::new();
    let outage = format!("outage {server} {station}");
    let (mut answers, mut arrives) = (Vec::new(), Vec::new());
    let died = thread::scope(|scope| {
        let download = scope.spawn(|| progress.download(stream));
        let mut died = Ok(());
        for kill in 0..kills {
            while progress.done() < kill * PIECE && !download.is_finished() {
                thread::sleep(LOOK);
            }
            died = system.ask(&outage).and_then(|said| {
                answers.push(number(&said, "answers_ns")?);
                arrives.push(number(&said, "arrives_ns")?);
                Ok(())
            });
            if died.is_err() {
                break;
            }
        }
        progress.end_at(if died.is_ok() { kills * PIECE } else { 0 });
        let downloaded = download.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        died.and(downloaded.when(|| format!("the download under `{server}` failed")))
    });
    died?;
    let restarts = system.restarts(server)?;
    system.end()?;
    if restarts != kills {
        return Err(Failure::new(format!("`{server}` was restarted {restarts} times")));
    }
    let bytes =
        Measure::new(progress.done() as f64, Unit::Bytes, "each compared with what it has to be");
    Ok(vec![
        row("a station answers again", server, answers),
        row("segments arrive again", server, arrives),
        Row::new(format!("kills/bytes that came right/{server}"), bytes),
    ])
}

/// A server whose connections end with it dies.
fn above(server: &str, outage: &str, port: u16, kills: u64) -> Outcome<Vec<Row>> {
    eprintln!("{kills} deaths of `{server}`: a minute …");
    let mut system = System::boot()?;
    let mut serves = Vec::new();
    for _ in 0..kills {
        let mut stream = system.connect(port).when(|| format!("port {port} is closed"))?;
        stream
            .write_all(b"HEAD / HTTP/1.1\r\nHost: here\r\n\r\n")
            .when(|| "nobody listens".into())?;
        stream.read_exact(&mut [0; 16]).when(|| "nobody answers".into())?;
        serves.push(number(&system.ask(&format!("outage {outage}"))?, "serves_ns")?);
        // Whatever is sent now is for nobody. What was answered before may come before the end.
        let _ = stream.write_all(b"?");
        let ended = stream.read_to_end(&mut Vec::new());
        if ended.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            return Err(Failure::new(format!("a connection outlives `{server}`")));
        }
    }
    let restarts = system.restarts(server)?;
    system.end()?;
    if restarts != kills {
        return Err(Failure::new(format!("`{server}` was restarted {restarts} times")));
    }
    Ok(vec![row("the next connection is served", server, serves)])
}

/// One number for each death.
fn row(what: &str, server: &str, samples: Vec<f64>) -> Row {
    let measure = Measure { samples, ..Measure::new(0.0, Unit::Nanoseconds, METHOD) };
    Row::new(format!("kills/{what}/{server}"), measure)
}

fn number(said: &Value, name: &str) -> Outcome<f64> {
    said[name].as_f64().ok_or_else(|| Failure::new(format!("`outage` said {said}")))
}

/// How far a download is, and how far it is to go.
struct Progress {
    done: AtomicU64,
    until: AtomicU64,
}

impl Progress {
    /// Of one that goes on until it is told to end.
    fn new() -> Self {
        Progress { done: AtomicU64::new(0), until: AtomicU64::new(u64::MAX) }
    }

    fn done(&self) -> u64 {
        self.done.load(Relaxed)
    }

    /// Lets it end when it has that many bytes.
    fn end_at(&self, bytes: u64) {
        self.until.store(bytes, Relaxed);
    }

    /// Reads, and fails at the first byte that is wrong.
    fn download(&self, mut stream: TcpStream) -> io::Result<()> {
        let expected = characters();
        let mut buffer = vec![0; 64 << 10];
        while self.done() < self.until.load(Relaxed) {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let start = (self.done() % expected.len() as u64) as usize;
            let right = expected.iter().cycle().skip(start).take(count);
            if !buffer[..count].iter().eq(right) {
                return Err(io::Error::other(format!("wrong bytes behind {}", self.done())));
            }
            self.done.fetch_add(count as u64, Relaxed);
        }
        Ok(())
    }
}

/// What the character generator sends again and again (RFC 864).
pub(super) fn characters() -> Vec<u8> {
    let line = |first: usize| (first..first + 72).map(|at| b' ' + (at % 95) as u8);
    (0..95).flat_map(|first| line(first).chain(*b"\r\n")).collect()
}

/// The system, with its shell.
struct System {
    child: Child,
    script: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Ports of this host, and those of the system to which they lead.
    ports: Vec<(u16, u16)>,
}

impl System {
    fn boot() -> Outcome<Self> {
        let when = || "cannot run the system".to_owned();
        let ports = [ECHO, CHARACTERS, HTTP].into_iter().map(|port| Ok((free_port()?, port)));
        let ports: Vec<_> = ports.collect::<Outcome<_>>()?;
        let mut command = Command::new(env::current_exe().when(when)?);
        command.args(["run", "outages", "--cpu", "max,erms=off"]);
        command.args(ports.iter().map(|(here, there)| format!("--forward={here}:{there}")));
        command.args(COUNTING_IDLE.iter().map(|word| format!("--qemu={word}")));
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().when(when)?;
        let script = child.stdin.take().ok_or_else(|| Failure::new(when()))?;
        let output = child.stdout.take().ok_or_else(|| Failure::new(when()))?;
        let system = System { child, script, output: BufReader::new(output), ports };
        let end = Instant::now() + PATIENCE;
        for port in [ECHO, HTTP] {
            while !system.answers(port) {
                if Instant::now() > end {
                    return Err(Failure::new("the system does not answer by its network"));
                }
                thread::sleep(Duration::from_millis(100));
            }
        }
        Ok(system)
    }

    fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let here = self.ports.iter().find(|(_, there)| *there == port);
        let here = here.map(|(here, _)| *here).unwrap_or_default();
        connect((Ipv4Addr::LOCALHOST, here).into())
    }

    fn answers(&self, port: u16) -> bool {
        let ask = || {
            let mut stream = self.connect(port)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"HEAD / HTTP/1.1\r\nHost: here\r\n\r\n")?;
            stream.read_exact(&mut [0])
        };
        ask().is_ok()
    }

    /// Says a command, whose output is one line.
    fn line(&mut self, command: &str) -> Outcome<String> {
        let when = || format!("the system has ended before it ran `{command}`");
        writeln!(self.script, "{command}").when(when)?;
        let mut line = String::new();
        match self.output.read_line(&mut line).when(when)? {
            0 => Err(Failure::new(when())),
            _ => Ok(line),
        }
    }

    /// The same of one that answers with JSON.
    fn ask(&mut self, command: &str) -> Outcome<Value> {
        let line = self.line(command)?;
        serde_json::from_str(&line)
            .map_err(|_| Failure::new(format!("`{command}`: {}", line.trim())))
    }

    /// How often a server was restarted.
    fn restarts(&mut self, server: &str) -> Outcome<u64> {
        let line = self.line(&format!("servers | grep '^{server} '"))?;
        let number = line.split_whitespace().nth(6).and_then(|word| word.parse().ok());
        number.ok_or_else(|| Failure::new(format!("`servers` says: {}", line.trim())))
    }

    /// Ends it in order.
    fn end(mut self) -> Outcome {
        let when = || "the system does not end".to_owned();
        writeln!(self.script, "exit").when(when)?;
        match self.child.wait().when(when)?.success() {
            true => Ok(()),
            false => Err(Failure::new("the system ended with an error")),
        }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // It may have ended by itself. The tool ends what it has started when it is asked to.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_those_of_the_generator() {
        let all = characters();
        assert!(all.starts_with(b" !\"#$%&'()") && all.len() == 95 * 74);
        assert_eq!(&all[74..78], b"!\"#$");
    }

    #[test]
    fn what_outage_says_becomes_numbers() {
        let said: Value = serde_json::json!({ "server": "arp", "answers_ns": 5 });
        assert_eq!(number(&said, "answers_ns").ok(), Some(5.0));
        assert!(number(&said, "arrives_ns").is_err());
    }
}
