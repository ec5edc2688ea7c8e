//! Programs of the distribution that the tool needs: installed if that is allowed, else asked for.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    failure::{Failure, Outcome},
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

/// Makes discs that boot by GRUB.
pub const GRUB: Needed = Needed { program: "grub-mkrescue", package: "grub-common" };
/// GRUB for the firmware of older machines, which is what QEMU has.
pub const GRUB_PC: Needed =
    Needed { program: "/usr/lib/grub/i386-pc/multiboot2.mod", package: "grub-pc-bin" };
/// Writes discs, for GRUB.
pub const XORRISO: Needed = Needed { program: "xorriso", package: "xorriso" };
/// Makes small file systems, for GRUB.
pub const MTOOLS: Needed = Needed { program: "mformat", package: "mtools" };
/// The debugger.
pub const GDB: Needed = Needed { program: "gdb", package: "gdb" };

impl Needed {
    /// The program's path. If it is missing it is installed, where that needs no password.
    pub fn path(self) -> Outcome<PathBuf> {
        if let Some(found) = self.find() {
            return Ok(found);
        }
        let install = format!("apt-get install -y --no-install-recommends {}", self.package);
        let missing = Failure::new(format!("`{}` is not installed", self.program));
        let Some(prefix) = administrator() else {
            return Err(missing.remedy(format!("sudo {install}")));
        };
        eprintln!("installing {} for `{}`", self.package, self.program);
        if !apt(prefix, &["install", "-y", "--no-install-recommends", self.package]) {
            progress::step("Updating", "the list of packages");
            apt(prefix, &["update"]);
            apt(prefix, &["install", "-y", "--no-install-recommends", self.package]);
        }
        self.find().ok_or_else(|| missing.remedy(format!("`{install}` failed: see above")))
    }

    /// Also where administrators' programs lie, which is on nobody else's path.
    fn find(self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let administrators = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        let folders = env::split_paths(&path).chain(administrators);
        folders.map(|folder| folder.join(self.program)).find(|file| file.is_file())
    }
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

/// Runs apt-get. What it says goes to standard error, which is no script's output.
fn apt(prefix: &[&str], arguments: &[&str]) -> bool {
    let words: Vec<_> = prefix.iter().chain(&["apt-get", "-qq"]).chain(arguments).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    command.status().is_ok_and(|status| status.success())
}
