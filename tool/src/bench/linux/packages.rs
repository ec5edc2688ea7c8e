//! Packages of the distribution that the guest is made of: fetched once, unpacked, never installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    failure::{Failure, Outcome, While},
    progress,
};

/// A shell that needs no libraries.
const SHELL: &str = "busybox-static";

/// The unpacked packages.
#[derive(Debug)]
pub struct Packages {
    /// The kernel.
    pub kernel: PathBuf,
    /// Folder of the kernel's modules.
    pub modules: PathBuf,
    /// The shell.
    pub shell: PathBuf,
    /// Names and versions of the package files.
    pub versions: String,
}

/// Fetches and unpacks what is not there yet under `folder`. `package` depends on the newest kernel of its kind.
pub fn fetch(folder: &Path, package: &str) -> Outcome<Packages> {
    let (files, tree) = (folder.join("packages"), folder.join("tree"));
    if !tree.exists() {
        fs::create_dir_all(&files).when(|| format!("cannot create `{}`", files.display()))?;
        let kernel = newest_kernel(package)?;
        progress::step("Fetching", &format!("{kernel} and {SHELL}"));
        run(Command::new("apt-get").args(["-q", "download", &kernel, SHELL]).current_dir(&files))?;
        // A tree that is there is whole.
        let unpacked = folder.join("unpacked");
        for file in package_files(&files) {
            run(Command::new("dpkg-deb").arg("-x").args([&file, &unpacked]))?;
        }
        fs::rename(&unpacked, &tree).when(|| format!("cannot make `{}`", tree.display()))?;
    }
    found(&files, &tree).ok_or_else(|| {
        Failure::new("the packages of the Linux guest have no kernel and shell")
            .remedy(format!("remove `{}`, so that they are fetched again", folder.display()))
    })
}

fn found(files: &Path, tree: &Path) -> Option<Packages> {
    let modules = fs::read_dir(tree.join("lib/modules")).ok()?.flatten().next()?.path();
    let release = modules.file_name()?.to_string_lossy().into_owned();
    let names = package_files(files).into_iter();
    let names = names.filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()));
    Some(Packages {
        kernel: Some(tree.join("boot").join(format!("vmlinuz-{release}")))
            .filter(|kernel| kernel.is_file())?,
        shell: Some(tree.join("bin/busybox")).filter(|shell| shell.is_file())?,
        modules,
        versions: names.collect::<Vec<_>>().join(", "),
    })
}

fn package_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "deb"))
        .collect();
    files.sort();
    files
}

/// The kernel's package that this one stands for.
fn newest_kernel(package: &str) -> Outcome<String> {
    let output = Command::new("apt-cache")
        .args(["depends", package])
        .stderr(Stdio::null())
        .output()
        .when(|| "the Linux guest is made of Debian's packages: cannot run apt-cache".into())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let depends = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    let mut kernels = depends.filter(|name| name.starts_with("linux-image-"));
    kernels.next().map(String::from).ok_or_else(|| {
        Failure::new(format!("apt knows no package `{package}`")).remedy("sudo apt-get update")
    })
}

/// Runs a command whose output nobody needs unless it fails.
fn run(command: &mut Command) -> Outcome {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().when(|| format!("cannot run {name}"))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Failure::new(format!("{name} failed: {}", said.trim())))
        }
    }
}
