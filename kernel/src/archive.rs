//! The boot archive: a tar file (POSIX ustar) with the plan, server files and modules.
//!
//! Only what the packer writes is understood: regular files, names of at most 100 bytes with an
//! optional prefix. An entry whose checksum is wrong, or that runs past the end, ends the archive.

const BLOCK: usize = 512;

/// A tar file.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    bytes: &'a [u8],
}

/// One file of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Directory part of a long name, or nothing.
    pub prefix: &'a str,
    /// Name, or its last part if there is a prefix.
    pub name: &'a str,
    /// What it contains.
    pub contents: &'a [u8],
}

impl Entry<'_> {
    /// Whether this is the entry's whole name.
    pub fn is_named(&self, name: &str) -> bool {
        if self.prefix.is_empty() {
            return self.name == name;
        }
        name.strip_prefix(self.prefix).and_then(|rest| rest.strip_prefix('/')) == Some(self.name)
    }
}

impl<'a> Archive<'a> {
    /// The archive in these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Archive { bytes }
    }

    /// Its regular files in order.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || {
            loop {
                let (header, contents, next) = split(rest)?;
                rest = next;
                if matches!(header[156], b'0' | 0) {
                    return Some(Entry {
                        prefix: text(&header[345..500])?,
                        name: text(&header[..100])?,
                        contents,
                    });
                }
            }
        })
    }

    /// Contents of the file with this name.
    pub fn file(self, name: &str) -> Option<&'a [u8]> {
        self.entries().find(|entry| entry.is_named(name)).map(|entry| entry.contents)
    }
}

/// Header and contents of the first entry, and what follows it.
fn split(rest: &[u8]) -> Option<(&[u8; BLOCK], &[u8], &[u8])> {
    let (header, behind) = rest.split_first_chunk::<BLOCK>()?;
    if octal(&header[148..156])? != checksum(header) || &header[257..262] != b"ustar" {
        return None;
    }
    let bytes = usize::try_from(octal(&header[124..136])?).ok()?;
    let contents = behind.get(..bytes)?;
    let next = behind.get(bytes.checked_next_multiple_of(BLOCK)?..).unwrap_or(&[]);
    Some((header, contents, next))
}

/// Sum of the header's bytes, its checksum counted as blanks.
fn checksum(header: &[u8; BLOCK]) -> u64 {
    let counted = |(index, &byte): (usize, &u8)| match index {
        148..156 => u64::from(b' '),
        _ => u64::from(byte),
    };
    header.iter().enumerate().map(counted).sum()
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = text(field)?.trim_matches(' ');
    u64::from_str_radix(text, 8).ok()
}

fn text(field: &[u8]) -> Option<&str> {
    str::from_utf8(field.split(|&byte| byte == 0).next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, vec::Vec};

    fn entry(prefix: &str, name: &str, kind: u8, contents: &[u8]) -> Vec<u8> {
        let mut header = [0u8; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
        header[156] = kind;
        header[257..263].copy_from_slice(b"ustar\0");
        header[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
        let sum = checksum(&header);
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut bytes = [&header, contents].concat();
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    }

    #[test]
    fn files_are_found_by_name_and_directories_passed_over() {
        let bytes = [
            entry("", "servers", b'5', b""),
            entry("", "plan", b'0', b"the plan"),
            entry("servers", "ramdisk", b'0', &[7; 600]),
            std::vec![0; 1024],
        ]
        .concat();
        let archive = Archive::new(&bytes);
        assert_eq!(archive.file("plan"), Some(&b"the plan"[..]));
        assert_eq!(archive.file("servers/ramdisk").map(<[u8]>::len), Some(600));
        assert_eq!(archive.file("ramdisk"), None);
        assert_eq!(archive.file("servers"), None);
        assert_eq!(archive.entries().count(), 2);
    }

    #[test]
    fn an_entry_that_runs_past_the_end_is_left_out() {
        let bytes = entry("", "plan", b'0', &[1; 600]);
        assert_eq!(Archive::new(&bytes[..BLOCK + 599]).file("plan"), None);
        assert_eq!(Archive::new(&bytes[..100]).entries().count(), 0);
    }

    #[test]
    fn a_changed_header_ends_the_archive() {
        let mut bytes = entry("", "plan", b'0', b"x");
        bytes[1] ^= 1;
        assert_eq!(Archive::new(&bytes).entries().count(), 0);
    }
}
