//! A running system: its console, its log, its end.
//!
//! Threads read: the keyboard, the console, the log, the complaints of the process itself, signals. All of
//! them send events to one loop, which alone writes to the screen, so that nothing is mixed up.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Cursor, IsTerminal, Read, Write, stderr, stdin, stdout},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM},
    iterator::Signals,
};

use super::{keyboard, screen::RawTerminal};
use crate::failure::{Outcome, While};

/// Lines of the log that are kept for the case of a failure.
const TAIL: usize = 20;

/// How long the rest of a log may take after the process ended.
const PATIENCE: Duration = Duration::from_millis(200);

/// Where the console's input comes from.
#[derive(Debug)]
pub enum Input {
    /// A person at the terminal on standard input.
    Person,
    /// Standard input, to its end.
    Script,
    /// One line.
    Line(String),
}

impl Input {
    /// The value of the parameter `mode` that the system's servers get.
    pub fn mode(&self) -> &'static str {
        match self {
            Input::Person => "interactive",
            Input::Script | Input::Line(_) => "script",
        }
    }

    /// What standard input is.
    pub fn from_standard_input() -> Self {
        match stdin().is_terminal() {
            true => Input::Person,
            false => Input::Script,
        }
    }
}

/// Where the system's log comes from.
pub enum Log {
    /// What this gives once the system runs.
    Stream(Box<dyn FnOnce() -> std::io::Result<Box<dyn Read + Send>> + Send>),
    /// The process's standard error.
    StandardError,
}

/// How a system is watched.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Whether the whole log is shown.
    pub verbose: bool,
    /// Text in the log after which a script is sent; `None` if it may be sent at once.
    pub ready: Option<String>,
}

/// What was seen of a system that ended.
#[derive(Debug, Default)]
pub struct Seen {
    /// Exit code of the process; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Whether the system was heard of: on the console or in the log.
    pub heard: bool,
    /// Whether it came so far that a script could be sent.
    pub ready: bool,
    /// Whether the person left, and the system was stopped for that.
    pub left: bool,
    /// A signal that the tool was sent, or would have been.
    pub signal: Option<i32>,
    /// Last lines of the log.
    pub log: VecDeque<String>,
    /// Whether the whole log was shown already.
    pub log_shown: bool,
    /// What the process itself said.
    pub complaints: Vec<String>,
}

enum Event {
    Console(Vec<u8>),
    Log(String),
    Complaint(String),
    /// One of the streams from the process ended; `true` for the console.
    Closed(bool),
    Left,
    Signal(i32),
}

/// Starts the process and serves it until it ends.
pub fn run(mut command: Command, input: Input, log: Log, watch: &Watch) -> Outcome<Seen> {
    let person = matches!(input, Input::Person);
    let (events, received) = channel();
    let program = command.get_program().to_string_lossy().into_owned();
    let raw = person.then(RawTerminal::enter).transpose()?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .when(|| format!("cannot start `{program}`"))?;
    let streams = if matches!(log, Log::StandardError) { 2 } else { 3 };
    let ready = read_all(&mut child, input, log, &events)?;
    let mut session = Session {
        seen: Seen { log_shown: watch.verbose, ..Seen::default() },
        watch,
        person,
        ready,
        show_log: watch.verbose || person && stderr().is_terminal(),
        open: streams,
    };
    if watch.ready.is_none() {
        session.is_ready();
    }
    session.serve(&received, &mut child);
    let status = child.wait().when(|| format!("cannot wait for `{program}`"))?;
    session.rest(&received);
    drop(raw);
    let mut seen = session.seen;
    seen.code = status.code();
    Ok(seen)
}

/// Starts the threads that read. What is sent on the returned channel lets a script go.
fn read_all(
    child: &mut Child,
    input: Input,
    log: Log,
    events: &Sender<Event>,
) -> Outcome<Sender<()>> {
    let (ready, wait) = channel();
    if let Some(console) = child.stdin.take() {
        let events = events.clone();
        thread::spawn(move || type_in(input, console, &wait, &events));
    }
    if let Some(console) = child.stdout.take() {
        let events = events.clone();
        thread::spawn(move || read_console(console, &events));
    }
    if let Some(errors) = child.stderr.take() {
        let event = match log {
            Log::StandardError => Event::Log,
            Log::Stream(_) => Event::Complaint,
        };
        let events = events.clone();
        thread::spawn(move || read_lines(errors, event, &events));
    }
    if let Log::Stream(open) = log {
        let events = events.clone();
        thread::spawn(move || {
            if let Ok(stream) = open() {
                read_lines(stream, Event::Log, &events);
            }
        });
    }
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).when(|| "cannot listen to signals".into())?;
    let events = events.clone();
    thread::spawn(move || {
        for signal in &mut signals {
            if events.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(ready)
}

/// Feeds the console. It stays open until the process ends.
fn type_in(input: Input, mut console: impl Write, ready: &Receiver<()>, events: &Sender<Event>) {
    let mut script: Box<dyn Read> = match input {
        Input::Person => {
            if keyboard::copy_keys(&mut stdin().lock(), &mut console) {
                // The loop may have ended already.
                let _ = events.send(Event::Left);
            }
            return;
        }
        Input::Script => Box::new(stdin().lock()),
        Input::Line(line) => Box::new(Cursor::new(line)),
    };
    if ready.recv().is_ok() {
        // A system that ends early reads no further, which is no failure.
        let _ = keyboard::copy_script(&mut script, &mut console);
        // Hold the console open: a closed one would be another end than the script's.
        let _ = ready.recv();
    }
}

fn read_console(mut console: impl Read, events: &Sender<Event>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = console.read(&mut buffer) {
        if events.send(Event::Console(buffer[..count].to_vec())).is_err() {
            return;
        }
    }
    let _ = events.send(Event::Closed(true));
}

fn read_lines(from: impl Read, event: fn(String) -> Event, events: &Sender<Event>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(1..) = from.read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if events.send(event(text)).is_err() {
            return;
        }
        line.clear();
    }
    let _ = events.send(Event::Closed(false));
}

struct Session<'a> {
    seen: Seen,
    watch: &'a Watch,
    person: bool,
    /// Lets the script go; dropped, it lets the console close.
    ready: Sender<()>,
    show_log: bool,
    /// Streams from the process that have not ended.
    open: usize,
}

impl Session<'_> {
    /// Handles events until the console closes.
    fn serve(&mut self, events: &Receiver<Event>, child: &mut Child) {
        while let Ok(event) = events.recv() {
            match event {
                Event::Closed(console) => {
                    self.open -= 1;
                    if console {
                        return;
                    }
                }
                Event::Left => {
                    self.seen.left = true;
                    return stop(child);
                }
                Event::Signal(signal) => {
                    self.seen.signal = Some(signal);
                    return stop(child);
                }
                other => {
                    if !self.show(other) {
                        self.seen.signal = Some(SIGPIPE);
                        return stop(child);
                    }
                }
            }
        }
    }

    /// Handles what the process said before it ended. A log that nobody ever opened does not close.
    fn rest(&mut self, events: &Receiver<Event>) {
        while self.open > 0 {
            match events.recv_timeout(PATIENCE) {
                Ok(Event::Closed(_)) => self.open -= 1,
                Ok(event) => drop(self.show(event)),
                Err(_) => return,
            }
        }
    }

    /// Shows something; `false` if nobody looks any more.
    fn show(&mut self, event: Event) -> bool {
        match event {
            Event::Console(bytes) => {
                self.seen.heard = true;
                // From the first prompt on the screen belongs to the console.
                self.show_log &= self.watch.verbose;
                let mut screen = stdout().lock();
                return screen.write_all(&bytes).and_then(|()| screen.flush()).is_ok();
            }
            Event::Log(line) => self.log(line),
            Event::Complaint(line) => self.seen.complaints.push(line),
            Event::Closed(_) | Event::Left | Event::Signal(_) => (),
        }
        true
    }

    fn log(&mut self, line: String) {
        self.seen.heard = true;
        if self.watch.ready.as_ref().is_some_and(|mark| line.contains(mark.as_str())) {
            self.is_ready();
        }
        if self.watch.verbose || self.show_log && tells_of_a_start(&line) {
            self.tell(&line);
        } else if let Some(server) = not_started(&line) {
            // The line before is the server's own reason.
            let reason = self.seen.log.iter().rev().find(|line| is_reason_of(server, line));
            reason.into_iter().chain([&line]).for_each(|line| self.tell(message(line)));
        }
        self.seen.log.push_back(line);
        if self.seen.log.len() > TAIL {
            self.seen.log.pop_front();
        }
    }

    /// Shows a line of the log.
    fn tell(&self, line: &str) {
        eprint!("{line}{}", if self.person { "\r\n" } else { "\n" });
    }

    /// Lets the script go. Said twice it does no more.
    fn is_ready(&mut self) {
        if !std::mem::replace(&mut self.seen.ready, true) {
            // The thread of a person's keys does not wait for it.
            let _ = self.ready.send(());
        }
    }
}

/// What a person wants to see of a log while a system boots.
fn tells_of_a_start(line: &str) -> bool {
    [": started", "kernel: system"].iter().any(|part| line.contains(part))
}

/// A line of the log without its time.
fn message(line: &str) -> &str {
    line.split_once("] ").map_or(line, |(_, message)| message)
}

/// The server that could not be started, if the line says so.
fn not_started(line: &str) -> Option<&str> {
    message(line).split_once(": not started: ").map(|(server, _)| server)
}

/// Whether the server itself said this while it started.
fn is_reason_of(server: &str, line: &str) -> bool {
    let said = message(line).strip_prefix(server).and_then(|rest| rest.strip_prefix(": "));
    said.is_some_and(|said| !said.starts_with("loaded at "))
}

/// Ends the process. It may have ended by itself.
fn stop(child: &mut Child) {
    let _ = child.kill();
}
