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

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, contents) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(contents.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *contents).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn files_are_found_by_their_whole_name() {
        let bytes = archive(&[("plan", b"the plan"), ("servers/ramdisk", &[7; 600])]);
        let archive = Archive::parse(bytes.leak()).unwrap();
        assert_eq!(archive.file("plan"), Some(&b"the plan"[..]));
        assert_eq!(archive.file("servers/ramdisk"), Some(&[7; 600][..]));
        assert_eq!(archive.file("ramdisk"), None);
    }

    #[test]
    fn an_archive_that_was_cut_off_is_refused() {
        let mut bytes = archive(&[("plan", &[1; 600])]);
        bytes.truncate(512 + 599);
        assert!(Archive::parse(bytes.leak()).is_err());
    }
}
