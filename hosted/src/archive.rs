//! The boot archive: a tar file in memory, by name.

use std::{collections::BTreeMap, io};

/// Contents of the regular files of an archive.
#[derive(Default)]
pub struct Archive {
    files: BTreeMap<String, &'static [u8]>,
}

impl Archive {
    /// Reads the archive in these bytes.
    pub fn parse(bytes: &'static [u8]) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(bytes).entries()? {
            let entry = entry?;
            let start = entry.raw_file_position() as usize;
            let contents = bytes.get(start..start + entry.size() as usize);
            let contents = contents.ok_or(io::ErrorKind::UnexpectedEof)?;
            files.insert(entry.path()?.to_string_lossy().into_owned(), contents);
        }
        Ok(Archive { files })
    }

    /// Contents of the file with this name.
    pub fn file(&self, name: &str) -> Option<&'static [u8]> {
        self.files.get(name).copied()
    }
}
