//! Volumes that mtools made, and volumes that nobody would make.

use std::{borrow::ToOwned, env, format, fs, process::Command, string::String, vec, vec::Vec};

use proptest::prelude::*;
use warren_idl::FileError;

use crate::{
    chain::{Disk, Place, read},
    directory::{self, Entry, find},
    volume::{HEAD_BYTES, Volume, Width},
};

/// A disk in memory. Reading beyond its end is a defect of the reader.
struct Image {
    bytes: Vec<u8>,
    reads: usize,
}

impl Disk for Image {
    fn read(&mut self, volume: &Volume, sector: u64, buffer: &mut [u8]) -> Result<(), FileError> {
        self.reads += 1;
        let start = sector as usize * volume.sector_bytes;
        buffer.copy_from_slice(&self.bytes[start..start + buffer.len()]);
        Ok(())
    }
}

impl Image {
    fn volume(&self) -> Option<Volume> {
        Volume::decode(self.bytes.first_chunk::<HEAD_BYTES>()?, self.bytes.len() as u64)
    }
}

/// Everything of a file.
fn contents(image: &mut Image, volume: &Volume, entry: &Entry) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    let mut last = Place { index: 0, cluster: entry.cluster };
    let length = entry.status.bytes as usize;
    while bytes.len() < length {
        let at = bytes.len();
        let (part, place) = read(image, volume, last, at as u64, length - at)?;
        assert!(!part.is_empty());
        (bytes, last) = ([bytes, part].concat(), place);
    }
    Ok(bytes)
}

/// Bytes without pattern.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Files of every test volume.
const FILES: [(&str, usize); 5] = [
    ("SHORT.TXT", 1),
    ("a long name with spaces and an ü.text", 70_000),
    ("folder/deeper still/leaf.bin", 5000),
    ("folder/empty", 0),
    ("exact.bin", 4096),
];

/// A volume of `kib` KiB with the files, made with these options of `mformat`.
fn made(name: &str, kib: usize, options: &[&str]) -> Image {
    let folder = env::temp_dir().join(format!("warren-fat-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let tree = folder.join("tree");
    for (number, (path, length)) in (0..).zip(FILES) {
        let file = tree.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, noise(number, length)).unwrap();
    }
    let image = folder.join("fat.img");
    fs::write(&image, vec![0; kib * 1024]).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let image = image.to_str().unwrap().to_owned();
        let mut command = Command::new(program);
        command.env("MTOOLS_SKIP_CHECK", "1").env("LC_ALL", "C.UTF-8").args(["-i", &image]);
        let output = command.args(arguments).output().expect("mtools are installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run("mformat", &[options, &["::"]].concat());
    for entry in fs::read_dir(&tree).unwrap() {
        run("mcopy", &["-s", entry.unwrap().path().to_str().unwrap(), "::"]);
    }
    let bytes = fs::read(image).unwrap();
    fs::remove_dir_all(folder).unwrap();
    Image { bytes, reads: 0 }
}

/// Everything on a volume is what was put there.
fn check(mut image: Image, width: Width) {
    let volume = image.volume().expect("a volume");
    assert_eq!(volume.width, width);
    for (number, (path, length)) in (0..).zip(FILES) {
        let entry = find(&mut image, &volume, path).unwrap();
        assert_eq!(entry.status.bytes, length as u64, "{path}");
        assert!(entry.status.modified > 1_700_000_000, "{path}");
        assert!(contents(&mut image, &volume, &entry).unwrap() == noise(number, length), "{path}");
    }
    let mut names = |path| {
        let entry = find(&mut image, &volume, path).unwrap();
        let entries = directory::list(&mut image, &volume, &entry).unwrap();
        let mut names: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
        names.sort();
        names
    };
    let top = ["SHORT.TXT", "a long name with spaces and an ü.text", "exact.bin", "folder"];
    assert_eq!(names("/"), top);
    assert_eq!(names("/FOLDER"), ["deeper still", "empty"]);
    let none =
        |path| find(&mut Image { bytes: image.bytes.clone(), reads: 0 }, &volume, path).err();
    assert_eq!(none("/folder/none"), Some(FileError::NotFound));
    assert_eq!(none("/short.txt/x"), Some(FileError::NotADirectory));
}

#[test]
fn a_floppy_disk_is_read() {
    check(made("floppy", 1440, &["-f", "1440"]), Width::Twelve);
}

#[test]
fn entries_of_16_bits_are_followed() {
    check(
        made("sixteen", 16 * 1024, &["-T", "32768", "-h", "16", "-s", "63", "-c", "4"]),
        Width::Sixteen,
    );
}

#[test]
fn entries_of_32_bits_are_followed() {
    let options = ["-F", "-T", "81920", "-h", "16", "-s", "63", "-c", "1"];
    check(made("thirty-two", 40 * 1024, &options), Width::ThirtyTwo);
}

#[test]
fn large_sectors_are_read() {
    let options = ["-T", "4096", "-h", "16", "-s", "63", "-S", "4", "-M", "2048"];
    check(made("sectors", 8 * 1024, &options), Width::Twelve);
}

#[test]
fn a_chain_that_bites_its_tail_is_corrupt() {
    let mut image = made("loop", 1440, &["-f", "1440"]);
    let volume = image.volume().unwrap();
    let entry = find(&mut image, &volume, "/exact.bin").unwrap();
    let place = Place { index: 0, cluster: entry.cluster };
    // Both tables' entries point to the cluster itself.
    let at = volume.table as usize * 512 + entry.cluster as usize * 3 / 2;
    let value = if entry.cluster.is_multiple_of(2) { entry.cluster } else { entry.cluster << 4 };
    image.bytes[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
    let far = volume.clusters * volume.cluster_bytes();
    assert_eq!(read(&mut image, &volume, place, far, 1).err(), Some(FileError::Corrupt));
}

#[test]
fn other_volumes_are_none() {
    let mut bytes = vec![0; 1 << 20];
    assert!(Image { bytes: bytes.clone(), reads: 0 }.volume().is_none());
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert!(Image { bytes, reads: 0 }.volume().is_none(), "a partition table");
    let mut short = made("short", 1440, &["-f", "1440"]);
    short.bytes.truncate(1 << 20);
    assert!(short.volume().is_none(), "a volume that is longer than its disk");
}

/// A volume with any bytes in the places that are looked at.
fn nonsense() -> impl Strategy<Value = Vec<u8>> {
    let head = (0_u8..4, 0_u8..8, 1_u16..8, 1_u8..3, 0_u16..64, 1_u16..2000, 1_u16..8);
    (head, any::<u32>()).prop_map(
        |((sector, cluster, reserved, tables, root, sectors, table), seed)| {
            let mut bytes = noise(seed, 256 * 1024);
            bytes[..3].copy_from_slice(&[0xeb, 0, 0x90]);
            bytes[11..13].copy_from_slice(&(512_u16 << sector).to_le_bytes());
            bytes[13] = 1 << cluster;
            bytes[14..16].copy_from_slice(&reserved.to_le_bytes());
            bytes[16] = tables;
            bytes[17..19].copy_from_slice(&root.to_le_bytes());
            bytes[19..21].copy_from_slice(&sectors.to_le_bytes());
            bytes[22..24].copy_from_slice(&table.to_le_bytes());
            bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_volume_is_read_within_its_disk(bytes in nonsense()) {
        let mut image = Image { bytes, reads: 0 };
        if let Some(volume) = image.volume() {
            for entry in directory::list(&mut image, &volume, &Entry::root(&volume)).unwrap_or_default() {
                let _ = match entry.is_directory() {
                    true => directory::list(&mut image, &volume, &entry).map(drop),
                    false => {
                        let start = Place { index: 0, cluster: entry.cluster };
                        read(&mut image, &volume, start, entry.status.bytes / 2, 5000).map(drop)
                    }
                };
            }
            prop_assert!(image.reads < 1_000_000);
        }
    }

    #[test]
    fn any_first_sector_is_decoded(head in prop::collection::vec(any::<u8>(), 512..=512)) {
        let mut head = head;
        head[0] = 0xeb;
        head[510..].copy_from_slice(&[0x55, 0xaa]);
        if let Some(volume) = Volume::decode(head.first_chunk().unwrap(), u64::MAX >> 1) {
            prop_assert!(volume.clusters > 0);
        }
    }
}
