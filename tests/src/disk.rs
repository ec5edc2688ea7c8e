//! An ext4 image whose files are known, made by `mke2fs`.

use std::{
    env,
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::{packets::Noise, run::folder};

/// Lengths of files around sectors, blocks, and what one call may carry.
const LENGTHS: [usize; 9] = [0, 1, 511, 512, 4095, 4096, 4097, 65_537, 300_000];

/// Bytes of a volume with a FAT.
const FAT_BYTES: u64 = 16 << 20;

/// Bytes of a sector of a disk with partitions, and where its first partition starts.
const SECTOR_BYTES: u64 = 512;
const FIRST_SECTOR: u64 = 2048;

/// Faults that `crash` knows; there is a file for each.
pub const FAULTS: [&str; 9] =
    ["null", "write", "divide", "panic", "stack", "loop", "reference", "buffer", "privileged"];

/// A tree of files and an image of it.
#[derive(Debug)]
pub struct Disk {
    /// The tree.
    pub tree: PathBuf,
    /// The image.
    pub image: PathBuf,
}

/// The known disk.
pub fn known() -> &'static Disk {
    static DISK: OnceLock<Disk> = OnceLock::new();
    DISK.get_or_init(|| {
        let folder = folder("disk");
        let disk = Disk { tree: folder.join("tree"), image: folder.join("disk.ext4") };
        write_tree(&disk.tree).expect("the tree can be written");
        make(&disk.tree, &disk.image);
        disk
    })
}

/// Makes an image of a tree.
pub fn make(tree: &Path, image: &Path) {
    let status = Command::new("mke2fs")
        .env("PATH", path())
        .args(["-q", "-F", "-t", "ext4", "-d"])
        .stdout(Stdio::null())
        .args([tree, image])
        .arg("16M")
        .status()
        .expect("e2fsprogs is installed");
    assert!(status.success(), "mke2fs failed");
}

/// Makes an image of a tree with a FAT, with entries of 16 bits.
pub fn make_fat(tree: &Path, image: &Path) {
    let file = File::create(image).expect("the target directory can be written");
    file.set_len(FAT_BYTES).expect("the disk has room");
    let sectors = (FAT_BYTES / SECTOR_BYTES).to_string();
    let format = ["mformat", "-T", &sectors, "-h", "16", "-s", "63", "-c", "4", "::"];
    let entries =
        fs::read_dir(tree).expect("the tree is there").flatten().map(|entry| entry.path());
    // It has no symbolic links.
    let entries: Vec<_> = entries.filter(|path| !path.is_symlink()).collect();
    let copy = ["mcopy", "-s"].into_iter().chain(entries.iter().filter_map(|path| path.to_str()));
    for words in [format.to_vec(), copy.chain(["::"]).collect()] {
        let status = Command::new(words[0])
            .env("LC_ALL", "C.UTF-8")
            .args(["-i".as_ref(), image.as_os_str()])
            .args(&words[1..])
            .status()
            .expect("mtools are installed");
        assert!(status.success(), "{} failed", words[0]);
    }
}

/// Makes a disk with a table of this kind (`dos` or `gpt`) and these images in its partitions, one after the other.
pub fn partitioned(disk: &Path, label: &str, images: &[&Path]) {
    let contents: Vec<_> =
        images.iter().map(|image| fs::read(image).expect("the image is there")).collect();
    let sectors = |bytes: usize| (bytes as u64).div_ceil(SECTOR_BYTES);
    let mut script = format!("label: {label}\n");
    let mut next = FIRST_SECTOR;
    let mut starts = Vec::new();
    for image in &contents {
        script += &format!("start={next}, size={}, type=linux\n", sectors(image.len()));
        starts.push(next * SECTOR_BYTES);
        next = (next + sectors(image.len())).next_multiple_of(FIRST_SECTOR);
    }
    let mut file = File::create(disk).expect("the target directory can be written");
    // A GPT has a copy of itself at the end.
    file.set_len((next + FIRST_SECTOR) * SECTOR_BYTES).expect("the disk has room");
    let mut sfdisk = Command::new("sfdisk")
        .env("PATH", path())
        .args(["--quiet", "--no-tell-kernel", "--wipe=never"])
        .arg(disk)
        .stdin(Stdio::piped())
        .spawn()
        .expect("fdisk is installed");
    let mut input = sfdisk.stdin.take().expect("it is piped");
    input.write_all(script.as_bytes()).expect("sfdisk reads its script");
    drop(input);
    assert!(sfdisk.wait().is_ok_and(|status| status.success()), "sfdisk failed");
    for (start, image) in starts.into_iter().zip(contents) {
        file.seek(SeekFrom::Start(start)).expect("files can be sought in");
        file.write_all(&image).expect("the disk has room");
    }
}

/// Where programs lie, those of administrators too.
pub fn path() -> String {
    format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default())
}

/// SHA-256 of files, as the host computes it: `sha256sum`'s lines for paths relative to the tree.
pub fn sha256sum(tree: &Path, files: &[String]) -> String {
    let output = Command::new("sha256sum").args(files).current_dir(tree).output();
    String::from_utf8_lossy(&output.expect("coreutils are installed").stdout).into_owned()
}

/// The files of the known disk, relative to its root.
pub fn files() -> Vec<String> {
    let mut files: Vec<String> =
        LENGTHS.iter().map(|length| format!("lengths/{length:06}")).collect();
    files.extend(["deep/a/b/c/leaf.txt".into(), "poem.txt".into()]);
    files
}

fn write_tree(tree: &Path) -> std::io::Result<()> {
    fs::create_dir_all(tree.join("lengths"))?;
    fs::create_dir_all(tree.join("deep/a/b/c"))?;
    fs::create_dir_all(tree.join("empty"))?;
    for (number, length) in (1..).zip(LENGTHS) {
        fs::write(tree.join(format!("lengths/{length:06}")), noise(number, length))?;
    }
    let lines: String = (1..=40)
        .map(|number| format!("line {number} of a burrow with {} entrances\n", number * number % 7))
        .collect();
    fs::write(tree.join("poem.txt"), lines)?;
    fs::write(tree.join("deep/a/b/c/leaf.txt"), "the needle is here\nand hay\nhay\n")?;
    fs::write(tree.join("deep/a/hay.txt"), "hay\nmore hay\n")?;
    fs::create_dir_all(tree.join("faults"))?;
    for (number, fault) in (100..).zip(FAULTS) {
        // Long, so that what was read of one brings nothing of the next into a cache.
        let mut bytes = format!("what {fault} reads\n").into_bytes();
        bytes.extend(noise(number, 200_000));
        fs::write(tree.join("faults").join(fault), bytes)?;
    }
    let link = tree.join("link.txt");
    if !link.is_symlink() {
        std::os::unix::fs::symlink("poem.txt", link)?;
    }
    Ok(())
}

/// Bytes without pattern that are the same each time.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut noise = Noise::new(seed);
    (0..length).map(|_| noise.draw() as u8).collect()
}
