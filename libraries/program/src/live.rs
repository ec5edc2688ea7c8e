//! The world of a stage over the references that were handed to its run.

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Kept, Object, Ref};
use warren_idl::{File, FileError, FileStatus, FileSystem, StreamError};

use crate::run::Handed;
use crate::stage::Stop;
use crate::world::{Entry, FileHandle, Files, Surroundings};

/// Longest name of a file.
const NAME_BYTES: usize = 256;

/// Files that are open. They are kept, because a scope around each call drops what else it got.
pub type OpenFiles = Vec<Option<Kept<dyn File>>>;

/// What was handed to a run, during one activation of its server.
pub struct Live<'c, 'f, S> {
    pub(crate) cx: &'c mut Cx<'f, S>,
    pub(crate) handed: &'c mut Handed,
}

/// The entries of a directory.
pub fn list<S: Object>(
    cx: &mut Cx<'_, S>,
    files: Ref<'_, dyn FileSystem>,
    path: &str,
) -> Result<Vec<Entry>, FileError> {
    let directory = files.directory(cx, path)?;
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
}

impl<S: Object> Files for Live<'_, '_, S> {
    fn status(&mut self, path: &str) -> Result<FileStatus, FileError> {
        self.handed.files.as_ref().status(self.cx, path)
    }

    fn list(&mut self, path: &str) -> Result<Vec<Entry>, FileError> {
        let files = self.handed.files.as_ref();
        self.cx.scope(|cx| list(cx, files, path))
    }

    fn open(&mut self, path: &str) -> Result<FileHandle, FileError> {
        let Handed { files, open, .. } = &mut *self.handed;
        let file = self.cx.scope(|cx| {
            let file = files.as_ref().open(cx, path)?;
            file.keep().map_err(FileError::from)
        })?;
        let free = open.iter().position(Option::is_none);
        let index = free.unwrap_or_else(|| {
            open.push(None);
            open.len() - 1
        });
        open[index] = Some(file);
        Ok(FileHandle(index))
    }

    fn read(
        &mut self,
        file: FileHandle,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, FileError> {
        let Some(Some(file)) = self.handed.open.get(file.0) else { return Ok(0) };
        let bytes = file.as_ref().read(self.cx, offset, buffer)?;
        // A file system that claims more than the buffer holds is not believed.
        Ok(buffer.len().min(bytes as usize))
    }

    fn close(&mut self, file: FileHandle) {
        let file = self.handed.open.get_mut(file.0).and_then(Option::take);
        self.cx.scope(|_| drop(file));
    }
}

impl<S: Object> Surroundings for Live<'_, '_, S> {
    fn directory(&self) -> &str {
        &self.handed.directory
    }

    fn input(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError> {
        let bytes = self.handed.input.as_ref().read(self.cx, buffer)?;
        Ok(buffer.len().min(bytes as usize))
    }

    fn complain(&mut self, text: &[u8]) -> Result<(), Stop> {
        self.handed.complain_in(self.cx, text)
    }

    fn go_on(&mut self) -> Result<(), Stop> {
        self.handed.go_on(self.cx)
    }
}
