//! A world in memory: a tree of files, a script instead of a person, servers that are only rows.

use std::collections::{BTreeMap, VecDeque};

use crate::session::{Session, Turn};
use crate::world::{
    Entry, FileHandle, Files, Line, LogLine, MountFailure, Person, RunFailure, ServerRow, System,
};
use warren_idl::{
    FileError, FileStatus, LaunchError, LogError, MountError, ServerStatus, SystemControlError,
    TerminalError,
};

/// What a test arranges and looks at.
pub struct Fake {
    pub files: BTreeMap<String, Vec<u8>>,
    pub directories: BTreeMap<String, ()>,
    /// Paths that are listed as symbolic links.
    pub links: Vec<String>,
    /// Paths whose contents cannot be read.
    pub broken: Vec<String>,
    /// Paths for which the server of the file system is dead.
    pub lost: Vec<String>,
    pub script: VecDeque<Result<Line, TerminalError>>,
    pub output: Vec<u8>,
    pub prompts: Vec<String>,
    /// Bytes that were read from files.
    pub bytes_read: usize,
    /// Questions for ^C until the answer is yes.
    pub interrupt_after: Option<usize>,
    pub mounts: Vec<String>,
    /// Lines of the log, in the order of their numbers.
    pub log: Vec<LogLine>,
    pub crashed: Vec<(String, String)>,
    /// Files that are open now.
    pub open: Vec<Option<String>>,
}

/// A world with these files; directories come with them.
pub fn world(files: &[(&str, &str)]) -> Fake {
    let mut fake = Fake {
        files: BTreeMap::new(),
        directories: BTreeMap::from([("/".into(), ())]),
        links: Vec::new(),
        broken: Vec::new(),
        lost: Vec::new(),
        script: VecDeque::new(),
        output: Vec::new(),
        prompts: Vec::new(),
        bytes_read: 0,
        interrupt_after: None,
        mounts: vec!["/".into()],
        log: Vec::new(),
        crashed: Vec::new(),
        open: Vec::new(),
    };
    for (path, contents) in files {
        fake.add(path, contents.as_bytes());
    }
    fake
}

impl Fake {
    pub fn add(&mut self, path: &str, contents: &[u8]) {
        let mut directory = path;
        while let Some((parent, _)) = directory.rsplit_once('/') {
            self.directories.insert(if parent.is_empty() { "/" } else { parent }.into(), ());
            directory = parent;
        }
        self.files.insert(path.into(), contents.into());
    }

    /// Runs a script to its end; returns what it shows and the session's status.
    pub fn run(&mut self, script: &str) -> (String, u8) {
        for line in script.lines() {
            self.script.push_back(Ok(Line { bytes: line.into(), cut: false }));
        }
        let mut session = Session::default();
        loop {
            if let Turn::End(status) = session.turn(self).expect("the terminal works") {
                let output = String::from_utf8(std::mem::take(&mut self.output));
                return (output.expect("text"), status);
            }
        }
    }

    /// Open files.
    pub fn open_files(&self) -> usize {
        self.open.iter().flatten().count()
    }
}

/// Runs a script over files and compares what it shows and its status.
#[track_caller]
pub fn check(files: &[(&str, &str)], script: &str, shown: &str, status: u8) {
    let (output, got) = world(files).run(script);
    assert_eq!(output, shown, "output of {script:?}");
    assert_eq!(got, status, "status of {script:?}");
}

impl Person for Fake {
    fn read_line(&mut self, prompt: &str) -> Result<Line, TerminalError> {
        self.prompts.push(prompt.into());
        self.script.pop_front().unwrap_or(Err(TerminalError::Ended))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TerminalError> {
        self.output.extend(bytes);
        Ok(())
    }

    fn interrupted(&mut self) -> Result<bool, TerminalError> {
        match &mut self.interrupt_after {
            Some(0) => {
                self.interrupt_after = None;
                Ok(true)
            }
            Some(left) => {
                *left -= 1;
                Ok(false)
            }
            None => Ok(false),
        }
    }
}

impl Files for Fake {
    fn status(&mut self, path: &str) -> Result<FileStatus, FileError> {
        if self.lost.iter().any(|lost| lost == path) {
            return Err(FileError::System(warren::SystemError::Lost));
        }
        let modified = 1_000_000_000;
        if let Some(contents) = self.files.get(path) {
            let bytes = contents.len() as u64;
            return Ok(FileStatus { bytes, modified, kind: FileStatus::FILE, mode: 0o644 });
        }
        if self.directories.contains_key(path) {
            let kind = FileStatus::DIRECTORY;
            return Ok(FileStatus { bytes: 4096, modified, kind, mode: 0o755 });
        }
        Err(FileError::NotFound)
    }

    fn list(&mut self, path: &str) -> Result<Vec<Entry>, FileError> {
        if self.lost.iter().any(|lost| lost == path) {
            return Err(FileError::System(warren::SystemError::Lost));
        }
        if self.files.contains_key(path) {
            return Err(FileError::NotADirectory);
        }
        if !self.directories.contains_key(path) {
            return Err(FileError::NotFound);
        }
        let prefix = if path == "/" { "/".into() } else { format!("{path}/") };
        let below = |path: &String| {
            let name = path.strip_prefix(&prefix)?;
            (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
        };
        let directories = self.directories.keys().filter_map(below).map(|name| Entry {
            name,
            kind: FileStatus::DIRECTORY,
            bytes: 4096,
        });
        let files = self.files.iter().filter_map(|(path, contents)| {
            let link = self.links.contains(path);
            let kind = if link { FileStatus::LINK } else { FileStatus::FILE };
            Some(Entry { name: below(path)?, kind, bytes: contents.len() as u64 })
        });
        let mut entries: Vec<Entry> = directories.chain(files).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn open(&mut self, path: &str) -> Result<FileHandle, FileError> {
        if self.directories.contains_key(path) {
            return Err(FileError::IsADirectory);
        }
        self.status(path)?;
        self.open.push(Some(path.into()));
        Ok(FileHandle(self.open.len() - 1))
    }

    fn read(
        &mut self,
        file: FileHandle,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, FileError> {
        let path = self.open[file.0].as_ref().expect("the file is open");
        if self.broken.contains(path) {
            return Err(FileError::Device);
        }
        let contents = &self.files[path];
        let rest = &contents[(offset as usize).min(contents.len())..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.bytes_read += count;
        Ok(count)
    }

    fn close(&mut self, file: FileHandle) {
        self.open[file.0] = None;
    }
}

impl System for Fake {
    fn servers(&mut self) -> Result<Vec<ServerRow>, SystemControlError> {
        let row = |name: &str, placement: &str, state| ServerRow {
            name: name.into(),
            file: format!("{name}.server"),
            placement: placement.into(),
            domain: "2".into(),
            status: ServerStatus {
                state,
                objects: 3,
                memory_bytes: 5000,
                file_hash: 0xabc,
                ..ServerStatus::default()
            },
        };
        Ok(vec![
            row("serial", "kernel", ServerStatus::ALIVE),
            row("shell", "own", ServerStatus::DEAD),
        ])
    }

    fn crash(&mut self, server: &str, fault: &str) -> Result<(), SystemControlError> {
        match (server, fault) {
            ("ext4", "null" | "loop") => {
                self.crashed.push((server.into(), fault.into()));
                Ok(())
            }
            ("ext4", _) => Err(SystemControlError::BadFault),
            _ => Err(SystemControlError::Unknown),
        }
    }

    fn backtrace(&mut self) -> Result<(), SystemControlError> {
        Ok(())
    }

    fn log_line(&mut self, number: u64) -> Result<LogLine, LogError> {
        let line = self.log.iter().find(|line| line.number >= number);
        line.cloned().ok_or(LogError::End)
    }

    fn mounts(&mut self) -> Result<Vec<String>, MountError> {
        Ok(self.mounts.clone())
    }

    fn mount(&mut self, server: &str, path: &str) -> Result<(), MountFailure> {
        if server != "ext4" {
            return Err(MountFailure::Launch(LaunchError::Unknown));
        }
        if self.mounts.iter().any(|mounted| mounted == path) {
            return Err(MountFailure::Mount(MountError::Taken));
        }
        self.mounts.push(path.into());
        Ok(())
    }

    fn unmount(&mut self, path: &str) -> Result<(), MountError> {
        let index = self.mounts.iter().position(|mounted| mounted == path);
        self.mounts.remove(index.ok_or(MountError::NotMounted)?);
        Ok(())
    }

    fn run(&mut self, server: &str) -> Result<u64, RunFailure> {
        match server {
            "seven" => Ok(7),
            "huge" => Ok(1 << 40),
            _ => Err(RunFailure::Launch(LaunchError::Unknown)),
        }
    }

    fn now_ns(&mut self) -> Option<u64> {
        Some(3_723_004_000_000)
    }
}
