//! Programs of the distribution that the tool needs: installed if that is allowed, else asked for.

use std::{
    env,
    fs::File,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    failure::{Failure, Outcome, While},
    progress,
};

/// A program, or another file by its whole path, and the Debian package that has it.
#[derive(Clone, Copy, Debug)]
pub struct Needed {
    program: &'static str,
    package: &'static str,
}

/// The machine.
pub const QEMU: Needed = Needed { program: "qemu-system-x86_64", package: "qemu-system-x86" };
/// Makes ext4 images.
pub const MKE2FS: Needed = Needed { program: "mke2fs", package: "e2fsprogs" };

/// Makes partition tables, for tests.
pub const SFDISK: Needed = Needed { program: "sfdisk", package: "fdisk" };

/// Makes discs that boot by GRUB.
pub const GRUB: Needed = Needed { program: "grub-mkrescue", package: "grub-common" };
/// GRUB for the firmware of older machines, which is what QEMU has.
pub const GRUB_PC: Needed =
    Needed { program: "/usr/lib/grub/i386-pc/multiboot2.mod", package: "grub-pc-bin" };
/// Writes discs, for GRUB.
pub const XORRISO: Needed = Needed { program: "xorriso", package: "xorriso" };
/// Makes small file systems, for GRUB.
pub const MTOOLS: Needed = Needed { program: "mformat", package: "mtools" };
/// Compiles libFuzzer.
pub const COMPILER: Needed = Needed { program: "c++", package: "g++" };
/// Compiles what the bench measures with.
pub const GCC: Needed = Needed { program: "gcc", package: "gcc" };
/// The debugger.
pub const GDB: Needed = Needed { program: "gdb", package: "gdb" };

/// Makes networks, for tests.
pub const IP: Needed = Needed { program: "ip", package: "iproute2" };
/// Measures networks, for tests.
pub const IPERF3: Needed = Needed { program: "iperf3", package: "iperf3" };

/// Asks whether a station is there, for tests.
pub const PING: Needed = Needed { program: "ping", package: "iputils-ping" };
/// Asks for a document, for tests.
pub const CURL: Needed = Needed { program: "curl", package: "curl" };
/// Asks for a document as often as it can, for tests.
pub const WRK: Needed = Needed { program: "wrk", package: "wrk" };
/// Finds out what a station serves, for tests.
pub const NMAP: Needed = Needed { program: "nmap", package: "nmap" };
/// Captures what goes over a network, and reads it, for tests.
pub const TSHARK: Needed = Needed { program: "tshark", package: "tshark" };
/// Lends addresses and knows names, for tests.
pub const DNSMASQ: Needed = Needed { program: "dnsmasq", package: "dnsmasq-base" };

/// What the tests need besides Rust.
pub const FOR_TESTS: [Needed; 17] = [
    QEMU, MKE2FS, SFDISK, GRUB, GRUB_PC, XORRISO, MTOOLS, COMPILER, GDB, IP, IPERF3, PING, CURL,
    WRK, NMAP, TSHARK, DNSMASQ,
];

impl Needed {
    /// The program's path. If it is missing it is installed, where that needs no password.
    pub fn path(self) -> Outcome<PathBuf> {
        if self.find().is_none() {
            install(&[self])?;
        }
        self.find().ok_or_else(|| missing(&[self]).remedy("its package lies elsewhere than usual"))
    }

    /// Also where administrators' programs lie, which is on nobody else's path.
    fn find(self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let administrators = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        let folders = env::split_paths(&path).chain(administrators);
        folders.map(|folder| folder.join(self.program)).find(|file| file.is_file())
    }
}

/// Installs those that are missing, where that needs no password.
///
/// Programs of one checkout do so one after the other: a second apt would clear the files away that the
/// first has fetched.
pub fn install(needed: &[Needed]) -> Outcome {
    if absent(needed).is_empty() {
        return Ok(());
    }
    let this = || "cannot lock the tool's own file while packages are installed".into();
    let lock = env::current_exe().and_then(File::open).when(this)?;
    lock.lock().when(this)?;
    let absent = absent(needed);
    if absent.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<_> = absent.iter().map(|needed| needed.package).collect();
    packages.dedup();
    let command = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let Some(prefix) = administrator() else {
        return Err(missing(&absent).remedy(format!("sudo {command}")));
    };
    let words = [&["install", "-y", "--no-install-recommends"], packages.as_slice()].concat();
    eprintln!("installing {}", packages.join(" "));
    if !apt(prefix, &words, Stdio::null()) {
        progress::step("Updating", "the list of packages");
        apt(prefix, &["update"], std::io::stderr());
        apt(prefix, &words, std::io::stderr());
    }
    match self::absent(needed).as_slice() {
        [] => Ok(()),
        absent => Err(missing(absent).remedy(format!("`{command}` failed: see above"))),
    }
}

fn absent(needed: &[Needed]) -> Vec<Needed> {
    needed.iter().copied().filter(|needed| needed.find().is_none()).collect()
}

fn missing(absent: &[Needed]) -> Failure {
    let programs: Vec<_> = absent.iter().map(|needed| format!("`{}`", needed.program)).collect();
    let verb = if programs.len() == 1 { "is" } else { "are" };
    Failure::new(format!("{} {verb} not installed", programs.join(", ")))
}

/// What stands before a command that needs an administrator; `None` if there is no way without a
/// password, or no apt.
fn administrator() -> Option<&'static [&'static str]> {
    if !runs(&["apt-get", "--version"]) {
        return None;
    }
    if rustix::process::geteuid().is_root() {
        return Some(&[]);
    }
    runs(&["sudo", "-n", "true"]).then_some(&["sudo", "-n"])
}

fn runs(words: &[&str]) -> bool {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs apt-get, after whoever else runs it. What it says goes to standard error, which is no script's output.
fn apt(prefix: &[&str], arguments: &[&str], errors: impl Into<Stdio>) -> bool {
    let wait = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600"];
    let words: Vec<_> = prefix.iter().chain(&wait).chain(arguments).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
    command.stdin(Stdio::null()).stdout(std::io::stderr()).stderr(errors);
    command.status().is_ok_and(|status| status.success())
}
