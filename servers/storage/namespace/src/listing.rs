//! The listing of a directory in which something is mounted.

use alloc::{collections::BTreeMap, vec::Vec};

use warren::{Cx, Out, Ref, local};
use warren_idl::{Directory, DirectoryEntry, FileError, FileStatus};

use crate::{Children, NamespaceServer};

/// Longest name of an entry.
const LONGEST_NAME: usize = 255;

/// Most entries that are taken over from a file system.
const MOST_ENTRIES: u64 = 1 << 16;

/// A snapshot of the entries, in the order of their names.
#[local(provides = Directory, parent = NamespaceServer)]
pub struct Listing {
    entries: Vec<(Vec<u8>, DirectoryEntry)>,
}

impl Listing {
    /// What is mounted, and what a file system has besides: what is mounted hides what has its name.
    pub fn merge<'f>(
        cx: &mut Cx<'f, NamespaceServer>,
        below: Option<Ref<'f, dyn Directory>>,
        children: &Children,
    ) -> Result<Self, FileError> {
        let mut entries = BTreeMap::new();
        if let Some(directory) = below {
            for index in 0..MOST_ENTRIES {
                let mut name = [0; LONGEST_NAME];
                let entry = match directory.entry(cx, index, &mut name) {
                    Ok(entry) => entry,
                    Err(FileError::End) => break,
                    Err(error) => return Err(error),
                };
                let name = name.get(..entry.name_bytes as usize).ok_or(FileError::BadName)?;
                entries.insert(name.to_vec(), entry);
            }
        }
        for name in children {
            let name_bytes = name.len() as u32;
            let entry = DirectoryEntry { bytes: 0, kind: FileStatus::DIRECTORY, name_bytes };
            entries.insert(name.as_bytes().to_vec(), entry);
        }
        Ok(Listing { entries: entries.into_iter().collect() })
    }
}

impl Directory for Listing {
    fn entry(
        cx: &mut Cx<'_, Self>,
        index: u64,
        mut name: Out<'_>,
    ) -> Result<DirectoryEntry, FileError> {
        let index = usize::try_from(index).map_err(|_| FileError::End)?;
        let (bytes, entry) = cx.entries.get(index).ok_or(FileError::End)?;
        name.fill_from(bytes);
        Ok(*entry)
    }
}
