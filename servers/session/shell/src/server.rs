//! The server around the session: [`World`](crate::world::World) over the references that the system connected.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use warren::{Cx, Kept, New, Optional, Req, Required, Server, StartError, server};
use warren_idl::{
    Clock, File, FileError, FileStatus, FileSystem, Launcher, LogBook, LogError, MountError,
    Namespace, ParameterError, Parameters, Power, SystemControl, SystemControlError, Task,
    Terminal, TerminalError, ThreadError,
};

use crate::session::{Session, Turn};
use crate::world::{
    Entry, FileHandle, Files, Line, LogLine, MountFailure, Person, RunFailure, ServerRow, System,
};

/// Longest line of a command.
const LINE_BYTES: usize = 16 * 1024;

/// Bytes that are written to the terminal in one call.
const WRITE_BYTES: usize = 16 * 1024;

/// Longest name of a file, and longest path of a mount.
const NAME_BYTES: usize = 256;

/// Longest text about a server.
const SERVER_BYTES: usize = 512;

/// Longest line of the log, with the server's name.
const LOG_BYTES: usize = 2048;

/// Failures of the terminal in a row after which the shell gives up. One that died may be restarted.
const TERMINAL_FAILURES: u32 = 16;

const BANNER: &[u8] = b"Warren. Try: help\n";

/// What the shell works with.
#[derive(Required)]
pub struct Needs {
    terminal: Req<dyn Terminal>,
    files: Req<dyn FileSystem>,
    namespace: Req<dyn Namespace>,
    launcher: Req<dyn Launcher>,
    system: Req<dyn SystemControl>,
    log: Optional<dyn LogBook>,
    clock: Req<dyn Clock>,
    power: Req<dyn Power>,
    parameters: Req<dyn Parameters>,
}

/// Runs commands over files and servers.
///
/// Parameter `mode`: `script` leaves the banner away, `interactive` shows it. Without it the terminal
/// is asked what it is.
#[server(provides(Task), parameters("mode"), stack = 32768)]
pub struct Shell {
    mode: Mode,
}

#[derive(Clone, Copy)]
enum Mode {
    Interactive,
    Script,
    AsTerminal,
}

impl Server for Shell {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let mut text = [0; 16];
        let mode = match cx.req().parameters.get("mode", &mut text) {
            Err(ParameterError::Unset) => Mode::AsTerminal,
            Err(error) => return Err(error.into()),
            Ok(length) => match text.get(..length as usize) {
                Some(b"interactive") => Mode::Interactive,
                Some(b"script") => Mode::Script,
                _ => return Err(StartError::new("`mode` is not `interactive` or `script`")),
            },
        };
        Ok(Shell { mode })
    }
}

impl Task for Shell {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let needs = cx.req();
        let interactive = match cx.mode {
            Mode::Interactive => true,
            Mode::Script => false,
            // One that does not answer has its next chance with the first line.
            Mode::AsTerminal => needs.terminal.interactive(cx).unwrap_or(false),
        };
        if interactive {
            let _ = needs.terminal.write(cx, BANNER);
        }
        let status = Self::session(cx)?;
        // If the machine cannot be switched off, whoever runs the shell still gets the status.
        let _ = needs.power.off(cx, status.into());
        Ok(status.into())
    }
}

impl Shell {
    /// Runs a session to its end and returns its status.
    fn session(cx: &mut Cx<'_, Self>) -> Result<u8, ThreadError> {
        let mut session = Session::default();
        let mut failures = 0;
        loop {
            // The references of one command are dropped before the next.
            match cx.scope(|cx| session.turn(&mut Live { cx, files: Vec::new() })) {
                Ok(Turn::Next) => failures = 0,
                Ok(Turn::End(status)) => return Ok(status),
                Err(error) if failures < TERMINAL_FAILURES => {
                    failures += 1;
                    // If it came back, the person learns why something is missing.
                    let text = format!("shell: the terminal failed: {error}\n");
                    let _ = cx.req().terminal.write(cx, text.as_bytes());
                }
                Err(TerminalError::System(error)) => return Err(error.into()),
                Err(_) => return Err(ThreadError::Failed),
            }
        }
    }
}

/// The system, for one command.
struct Live<'c, 'f> {
    cx: &'c mut Cx<'f, Shell>,
    /// Open files. They are kept, because a scope around each call drops what else it got.
    files: Vec<Option<Kept<dyn File>>>,
}

impl Person for Live<'_, '_> {
    fn read_line(&mut self, prompt: &str) -> Result<Line, TerminalError> {
        let mut bytes = vec![0; LINE_BYTES];
        let length = self.cx.req().terminal.read_line(self.cx, prompt, &mut bytes)?;
        let cut = length > LINE_BYTES as u64;
        bytes.truncate(length as usize);
        Ok(Line { bytes, cut })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TerminalError> {
        for chunk in bytes.chunks(WRITE_BYTES) {
            self.cx.req().terminal.write(self.cx, chunk)?;
        }
        Ok(())
    }

    fn interrupted(&mut self) -> Result<bool, TerminalError> {
        self.cx.req().terminal.interrupted(self.cx)
    }
}

impl Files for Live<'_, '_> {
    fn status(&mut self, path: &str) -> Result<FileStatus, FileError> {
        self.cx.req().files.status(self.cx, path)
    }

    fn list(&mut self, path: &str) -> Result<Vec<Entry>, FileError> {
        self.cx.scope(|cx| {
            let directory = cx.req().files.directory(cx, path)?;
            let mut entries = Vec::new();
            let mut name = [0; NAME_BYTES];
            loop {
                let entry = match directory.entry(cx, entries.len() as u64, &mut name) {
                    Ok(entry) => entry,
                    Err(FileError::End) => return Ok(entries),
                    Err(error) => return Err(error),
                };
                let name = &name[..NAME_BYTES.min(entry.name_bytes as usize)];
                let name = String::from_utf8_lossy(name).into_owned();
                entries.push(Entry { name, kind: entry.kind, bytes: entry.bytes });
            }
        })
    }

    fn open(&mut self, path: &str) -> Result<FileHandle, FileError> {
        let file = self.cx.scope(|cx| {
            let file = cx.req().files.open(cx, path)?;
            file.keep().map_err(FileError::from)
        })?;
        let free = self.files.iter().position(Option::is_none);
        let index = free.unwrap_or_else(|| {
            self.files.push(None);
            self.files.len() - 1
        });
        self.files[index] = Some(file);
        Ok(FileHandle(index))
    }

    fn read(
        &mut self,
        file: FileHandle,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, FileError> {
        let Some(Some(file)) = self.files.get(file.0) else { return Ok(0) };
        let bytes = self.cx.scope(|cx| file.get(cx)?.read(cx, offset, buffer))?;
        // A file system that claims more than the buffer holds is not believed.
        Ok(buffer.len().min(bytes as usize))
    }

    fn close(&mut self, file: FileHandle) {
        let file = self.files.get_mut(file.0).and_then(Option::take);
        self.cx.scope(|_| drop(file));
    }
}

impl System for Live<'_, '_> {
    fn servers(&mut self) -> Result<Vec<ServerRow>, SystemControlError> {
        let mut rows = Vec::new();
        let mut text = [0; SERVER_BYTES];
        loop {
            let status = match self.cx.req().system.server(self.cx, rows.len() as u32, &mut text) {
                Ok(status) => status,
                Err(SystemControlError::End) => return Ok(rows),
                Err(error) => return Err(error),
            };
            let text = &text[..SERVER_BYTES.min(status.text_bytes as usize)];
            let mut parts = text.split(|byte| *byte == 0);
            let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into();
            let (name, file, placement, domain) = (part(), part(), part(), part());
            rows.push(ServerRow { name, file, placement, domain, status });
        }
    }

    fn crash(&mut self, server: &str, fault: &str) -> Result<(), SystemControlError> {
        self.cx.req().system.crash(self.cx, server, fault)
    }

    fn backtrace(&mut self) -> Result<(), SystemControlError> {
        self.cx.req().system.backtrace(self.cx)
    }

    fn log_line(&mut self, number: u64) -> Result<LogLine, LogError> {
        let mut text = [0; LOG_BYTES];
        let record = self.cx.req().log.or_absent()?.record(self.cx, number, &mut text)?;
        let (server, rest) = text.split_at(LOG_BYTES.min(record.server_bytes as usize));
        let line = &rest[..rest.len().min(record.text_bytes as usize)];
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ok(LogLine {
            number: record.number,
            time_ns: record.time_ns,
            level: record.level,
            server: text(server),
            text: text(line),
        })
    }

    fn mounts(&mut self) -> Result<Vec<String>, MountError> {
        let mut paths = Vec::new();
        let mut path = [0; NAME_BYTES];
        loop {
            let index = paths.len() as u64;
            let length = match self.cx.req().namespace.mounted(self.cx, index, &mut path) {
                Ok(length) => length,
                Err(MountError::End) => return Ok(paths),
                Err(error) => return Err(error),
            };
            let path = &path[..NAME_BYTES.min(length as usize)];
            paths.push(String::from_utf8_lossy(path).into());
        }
    }

    fn mount(&mut self, server: &str, path: &str) -> Result<(), MountFailure> {
        self.cx.scope(|cx| {
            let needs = cx.req();
            let files = needs.launcher.file_system(cx, server).map_err(MountFailure::Launch)?;
            needs.namespace.mount(cx, path, files).map_err(MountFailure::Mount)
        })
    }

    fn unmount(&mut self, path: &str) -> Result<(), MountError> {
        self.cx.req().namespace.unmount(self.cx, path)
    }

    fn run(&mut self, server: &str) -> Result<u64, RunFailure> {
        self.cx.scope(|cx| {
            let program = cx.req().launcher.program(cx, server).map_err(RunFailure::Launch)?;
            program.run(cx).map_err(RunFailure::Program)
        })
    }

    fn now_ns(&mut self) -> Option<u64> {
        self.cx.req().clock.now_ns().ok()
    }
}
