//! Volumes for the tests, made by the tools of e2fsprogs.

use std::{
    env, format, fs,
    path::PathBuf,
    process::{self, Command},
    string::{String, ToString},
    sync::atomic::{AtomicU32, Ordering},
    vec::Vec,
};

/// What every volume contains.
pub mod tree {
    use std::{
        format, fs,
        io::{Seek, SeekFrom, Write},
        os::unix::fs::{PermissionsExt, symlink},
        path::Path,
        string::String,
        time::{Duration, SystemTime},
        vec,
        vec::Vec,
    };

    /// When `/hello` was changed.
    pub const MODIFIED: u64 = 1_234_567_890;

    const SPARSE_PIECES: usize = 40;
    const SPARSE_STRIDE: usize = 8192;

    /// Paths and contents: a short file, one with all levels of block numbers, one with holes.
    pub fn files() -> Vec<(&'static str, Vec<u8>)> {
        let large = (0..300_000u32).flat_map(|at| (at / 3).to_le_bytes()).take(400_000).collect();
        let mut sparse = vec![0; SPARSE_PIECES * SPARSE_STRIDE];
        for piece in 0..SPARSE_PIECES {
            sparse[piece * SPARSE_STRIDE..][..4096].fill(piece as u8 + 1);
        }
        vec![
            ("/hello", b"hello\n".to_vec()),
            ("/empty", vec![]),
            ("/large", large),
            ("/sparse", sparse),
        ]
    }

    /// Names in `/many`.
    pub fn many() -> Vec<String> {
        (100..300).map(|number| format!("a name that is not so short {number}")).collect()
    }

    /// Makes the tree.
    pub fn make(top: &Path) {
        for (path, contents) in files() {
            let mut file = fs::File::create(top.join(&path[1..])).unwrap();
            for (index, piece) in contents.chunks(4096).enumerate() {
                if piece.iter().any(|byte| *byte != 0) {
                    file.seek(SeekFrom::Start(index as u64 * 4096)).unwrap();
                    file.write_all(piece).unwrap();
                }
            }
            file.set_len(contents.len() as u64).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(MODIFIED)).unwrap();
        }
        fs::set_permissions(top.join("hello"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::create_dir(top.join("many")).unwrap();
        for name in many() {
            fs::write(top.join("many").join(name), "x").unwrap();
        }
        fs::create_dir(top.join("links")).unwrap();
        let slow = format!("{}hello", "../links/".repeat(20) + "../");
        for (name, target) in [
            ("absolute", "/hello"),
            ("relative", "../hello"),
            ("parent", ".."),
            ("loop", "/links/loop"),
            ("slow", &slow),
        ] {
            symlink(target, top.join("links").join(name)).unwrap();
        }
    }
}

/// A volume, and a folder of its own that goes with it.
pub struct Disk {
    /// The volume.
    pub bytes: Vec<u8>,
    /// What the last tool said.
    pub output: String,
    folder: PathBuf,
}

impl Disk {
    /// A volume of the kind that these arguments of `mke2fs` say.
    pub fn new(arguments: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("warren-ext4-{}-{number}", process::id()));
        let top = folder.join("tree");
        fs::create_dir_all(&top).unwrap();
        tree::make(&top);
        fs::write(folder.join("disk"), []).unwrap();
        let mut disk = Disk { bytes: Vec::new(), output: String::new(), folder };
        let mut all = arguments.to_vec();
        all.extend(["-q", "-F", "-d", top.to_str().unwrap()]);
        disk.tool("mke2fs", &all, &["4M"]);
        disk
    }

    /// Runs a tool on the volume.
    pub fn run(&mut self, tool: &str, arguments: &[&str]) {
        fs::write(self.folder.join("disk"), &self.bytes).unwrap();
        self.tool(tool, arguments, &[]);
    }

    /// Runs commands of `debugfs` on the volume.
    pub fn debugfs(&mut self, commands: &[&str]) {
        let script = self.file(commands.join("\n").as_bytes());
        self.run("debugfs", &["-w", "-f", &script]);
    }

    /// A file on the host with these contents.
    pub fn file(&self, contents: &[u8]) -> String {
        let count = fs::read_dir(&self.folder).unwrap().count();
        let path = self.folder.join(format!("file-{count}"));
        fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_string()
    }

    /// Blocks of a file's contents, in order.
    pub fn blocks_of(&self, path: &str) -> Vec<usize> {
        let words = self.ask(&format!("blocks {path}"));
        words.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }

    /// Blocks of a file's extent tree outside of the inode.
    pub fn extent_blocks_of(&self, path: &str) -> Vec<usize> {
        let text = self.ask(&format!("stat {path}"));
        let blocks = text.split(", ").filter_map(|part| part.trim().strip_prefix("(ETB0):"));
        let blocks = text.split("(ETB0):").skip(1).take(1).chain(blocks);
        blocks.map(|block| block.split([',', '\n']).next().unwrap().parse().unwrap()).collect()
    }

    /// Where an inode lies, with blocks of 1024 bytes.
    pub fn inode_offset(&self, path: &str) -> usize {
        let text = self.ask(&format!("imap {path}"));
        let block = text.split("block ").last().unwrap().split(',').next().unwrap();
        let offset = text.split("0x").last().unwrap().trim();
        block.parse::<usize>().unwrap() * 1024 + usize::from_str_radix(offset, 16).unwrap()
    }

    /// Offsets of the pieces of 1024 bytes that are not empty and not of the large file.
    pub fn metadata(&self) -> Vec<usize> {
        let block_bytes = 1024 << self.bytes[1024 + 0x18];
        let large = self.blocks_of("/large");
        (0..self.bytes.len())
            .step_by(1024)
            .filter(|at| self.bytes[*at..at + 1024].iter().any(|byte| *byte != 0))
            .filter(|at| !large.contains(&(at / block_bytes)))
            .collect()
    }

    fn ask(&self, question: &str) -> String {
        fs::write(self.folder.join("disk"), &self.bytes).unwrap();
        let output = self.command("debugfs").args(["-R", question, "disk"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn tool(&mut self, tool: &str, before: &[&str], after: &[&str]) {
        let output = self.command(tool).args(before).arg("disk").args(after).output();
        let output = output.unwrap_or_else(|error| panic!("{tool}, of e2fsprogs: {error}"));
        let text = [&output.stdout[..], &output.stderr].concat();
        self.output = String::from_utf8_lossy(&text).into_owned();
        // e2fsck says by 1 that it has changed something.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{tool}: {}", self.output);
        self.bytes = fs::read(self.folder.join("disk")).unwrap();
    }

    /// The tools lie where only root's path leads.
    fn command(&self, tool: &str) -> Command {
        let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        let mut command = Command::new(tool);
        command.env("PATH", path).current_dir(&self.folder);
        command
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Numbers that look random and are the same each time (Marsaglia's xorshift).
pub struct Random(u64);

impl Random {
    /// The numbers after this one, which is not 0.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}
