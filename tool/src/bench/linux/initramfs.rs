//! An initial RAM file system: a `cpio` archive of the format `newc`, not compressed.

/// Type and permissions of a folder and of a program, as in `st_mode`.
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
/// Name of the entry that ends an archive.
const END: &str = "TRAILER!!!";

/// An archive that grows.
#[derive(Debug, Default)]
pub struct Initramfs {
    bytes: Vec<u8>,
    entries: u32,
}

impl Initramfs {
    /// Adds an empty folder. Those above it must be there.
    pub fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER, &[]);
    }

    /// Adds a file, which may be executed.
    pub fn file(&mut self, path: &str, contents: &[u8]) {
        self.entry(path, PROGRAM, contents);
    }

    /// The whole archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry(END, 0, &[]);
        self.bytes
    }

    /// A header of 13 numbers of eight digits, the path, and the contents, each padded to four bytes.
    fn entry(&mut self, path: &str, mode: u32, contents: &[u8]) {
        self.entries += 1;
        let size = u32::try_from(contents.len()).expect("a file of the guest is small");
        let name_bytes = path.len() as u32 + 1;
        self.bytes.extend(b"070701");
        // Number, mode, user, group, links, time, size, four of devices, bytes of the name, checksum.
        for field in [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_bytes, 0] {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(contents);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Initramfs;

    #[test]
    fn headers_and_contents_start_at_multiples_of_four() {
        let mut archive = Initramfs::default();
        archive.folder("dev");
        archive.file("init", b"12345");
        let bytes = archive.finish();
        let starts: Vec<_> =
            bytes.windows(6).enumerate().filter(|(_, part)| part == b"070701").collect();
        assert_eq!(starts.len(), 3);
        assert!(starts.iter().all(|(at, _)| at % 4 == 0));
        let (file, _) = starts[1];
        assert_eq!(&bytes[file + 54..file + 62], b"00000005");
        assert_eq!(&bytes[file + 110..file + 115], b"init\0");
        assert_eq!(&bytes[file + 116..file + 121], b"12345");
    }
}
