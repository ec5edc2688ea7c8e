//! A world in memory: a tree of files, an input, and whoever runs a program.

use std::collections::BTreeMap;
use std::string::String;
use std::vec::Vec;

use warren::SystemError;
use warren_idl::{FileError, FileStatus, StreamError};

use crate::arguments::UsageError;
use crate::stage::{Context, Flow, MISUSED, Stage, Stop};
use crate::world::{Entry, FileHandle, Files, Surroundings};

/// Status of a run that was stopped.
pub const STOPPED: u8 = 130;

/// When everything was changed for the last time: 2001-09-09 01:46:40.
const MODIFIED: u64 = 1_000_000_000;

/// A tree of files.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Paths and contents.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Paths of directories, which come with the files in them.
    pub directories: Vec<String>,
    /// Paths that are listed as symbolic links.
    pub links: Vec<String>,
    /// Paths for which the server of the file system is dead.
    pub lost: Vec<String>,
}

impl Tree {
    /// A tree of these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let mut tree = Tree { directories: Vec::from(["/".into()]), ..Tree::default() };
        files.iter().for_each(|(path, contents)| tree.add(path, contents.as_bytes()));
        tree
    }

    /// Adds a file.
    pub fn add(&mut self, path: &str, contents: &[u8]) {
        let mut directory = path;
        while let Some((parent, _)) = directory.rsplit_once('/') {
            self.directories.push(if parent.is_empty() { "/" } else { parent }.into());
            directory = parent;
        }
        self.directories.sort();
        self.directories.dedup();
        self.files.insert(path.into(), contents.into());
    }

    fn is_directory(&self, path: &str) -> bool {
        self.directories.iter().any(|directory| directory == path)
    }

    /// What a path names.
    pub fn status(&self, path: &str) -> Result<FileStatus, FileError> {
        if self.lost.iter().any(|lost| lost == path) {
            return Err(FileError::System(SystemError::Lost));
        }
        let status = FileStatus { modified: MODIFIED, ..FileStatus::default() };
        if let Some(contents) = self.files.get(path) {
            let bytes = contents.len() as u64;
            return Ok(FileStatus { bytes, kind: FileStatus::FILE, mode: 0o644, ..status });
        }
        if self.is_directory(path) {
            let kind = FileStatus::DIRECTORY;
            return Ok(FileStatus { bytes: 4096, kind, mode: 0o755, ..status });
        }
        Err(FileError::NotFound)
    }

    /// The names in a directory, in order.
    pub fn list(&self, path: &str) -> Result<Vec<Entry>, FileError> {
        match self.status(path)?.kind {
            FileStatus::DIRECTORY => {}
            _ => return Err(FileError::NotADirectory),
        }
        let below = |path_below: &String| {
            let (parent, name) = path_below.rsplit_once('/')?;
            let parent = if parent.is_empty() { "/" } else { parent };
            (!name.is_empty() && parent == path).then(|| String::from(name))
        };
        let directories = self.directories.iter().filter_map(below).map(|name| Entry {
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
}

/// What a test arranges and looks at.
#[derive(Debug)]
pub struct Fake {
    /// The files.
    pub tree: Tree,
    /// Paths whose contents cannot be read.
    pub broken: Vec<String>,
    /// The directory that relative paths start from.
    pub directory: String,
    /// What is left of the input.
    pub input: Vec<u8>,
    /// What the input ends in, in the place of its end.
    pub input_error: Option<StreamError>,
    /// Questions whether to go on until the answer is no.
    pub stop_after: Option<usize>,
    /// Bytes that were read from files and input.
    pub bytes_read: usize,
    /// Output and complaints, as a person sees them.
    pub shown: Vec<u8>,
    open: Vec<Option<String>>,
}

/// A world with these files.
pub fn world(files: &[(&str, &str)]) -> Fake {
    Fake {
        tree: Tree::new(files),
        broken: Vec::new(),
        directory: "/".into(),
        input: Vec::new(),
        input_error: None,
        stop_after: None,
        bytes_read: 0,
        shown: Vec::new(),
        open: Vec::new(),
    }
}

/// Runs a program over files and compares what is shown and its status. Arguments stand between blanks.
#[track_caller]
pub fn check<T: Stage>(
    name: &'static str,
    files: &[(&str, &str)],
    arguments: &str,
    shown: &str,
    status: u8,
) {
    let ended = world(files).run::<T>(name, arguments);
    assert_eq!(ended, (shown.into(), status), "{name} {arguments}");
}

impl Fake {
    /// The same in another directory.
    pub fn in_directory(mut self, directory: &str) -> Self {
        self.directory = directory.into();
        self
    }

    /// The same with an input.
    pub fn with_input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs a program to its end; returns what is shown and its status. Arguments stand between blanks.
    pub fn run<T: Stage>(&mut self, name: &'static str, arguments: &str) -> (String, u8) {
        let arguments = arguments.split_whitespace().map(String::from).collect();
        let status = match T::start(arguments) {
            Ok(stage) => self.pull(name, stage),
            Err(UsageError(trouble)) => {
                let usage = T::MANUAL.reminder(name);
                self.shown.extend(std::format!("{name}: {trouble}\n{usage}").bytes());
                MISUSED
            }
        };
        let shown = String::from_utf8(std::mem::take(&mut self.shown));
        (shown.expect("the output is text"), status)
    }

    fn pull<T: Stage>(&mut self, name: &'static str, mut stage: T) -> u8 {
        loop {
            let mut output = Vec::new();
            let flow = stage.pull(&mut Context { world: self, name }, &mut output);
            self.shown.extend(output);
            match flow {
                Ok(Flow::More) => {}
                Ok(Flow::End(status)) => return status,
                Err(Stop) => return STOPPED,
            }
        }
    }

    /// How many files are open.
    pub fn open_files(&self) -> usize {
        self.open.iter().flatten().count()
    }
}

/// The first bytes of `from`, as many as fit; how many that are.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    to[..count].copy_from_slice(&from[..count]);
    count
}

impl Files for Fake {
    fn status(&mut self, path: &str) -> Result<FileStatus, FileError> {
        self.tree.status(path)
    }

    fn list(&mut self, path: &str) -> Result<Vec<Entry>, FileError> {
        self.tree.list(path)
    }

    fn open(&mut self, path: &str) -> Result<FileHandle, FileError> {
        if self.tree.status(path)?.kind == FileStatus::DIRECTORY {
            return Err(FileError::IsADirectory);
        }
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
        let contents = &self.tree.files[path];
        let count = copy(&contents[(offset as usize).min(contents.len())..], buffer);
        self.bytes_read += count;
        Ok(count)
    }

    fn close(&mut self, file: FileHandle) {
        self.open[file.0] = None;
    }
}

impl Surroundings for Fake {
    fn directory(&self) -> &str {
        &self.directory
    }

    fn input(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError> {
        let count = copy(&self.input, buffer);
        self.input.drain(..count);
        self.bytes_read += count;
        match self.input_error {
            Some(error) if count == 0 => Err(error),
            _ => Ok(count),
        }
    }

    fn complain(&mut self, text: &[u8]) -> Result<(), Stop> {
        self.shown.extend(text);
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), Stop> {
        match &mut self.stop_after {
            Some(0) => Err(Stop),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
