//! The guest: a kernel of the distribution, and an initial RAM file system with our programs.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use super::{
    super::compiler::{compile, library},
    initramfs::Initramfs,
    packages::{self, Packages},
};
use crate::{
    build::{self, source::entries},
    command::check,
    failure::{Outcome, While},
    progress,
    project::Project,
    run::{archive, image},
    system::{Request, Target},
};

/// A kernel of the distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// The one for virtual machines, which has drivers of theirs only.
    Virtual,
    /// The one for any machine.
    Any,
}

impl Kernel {
    /// The package that stands for the newest one.
    fn package(self) -> &'static str {
        match self {
            Kernel::Virtual => "linux-image-cloud-amd64",
            Kernel::Any => "linux-image-amd64",
        }
    }

    /// The tool's folder for it.
    fn folder(self) -> &'static str {
        match self {
            Kernel::Virtual => "linux",
            Kernel::Any => "linux-any",
        }
    }

    /// Modules that are loaded, in this order.
    fn modules(self) -> impl Iterator<Item = &'static str> {
        let more: &[&str] = match self {
            Kernel::Virtual => &[],
            Kernel::Any => &MORE_MODULES,
        };
        MODULES.iter().chain(more).copied()
    }
}

/// Drivers of the disk and of the network, in the order of loading.
const MODULES: [&str; 9] = [
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci",
    "drivers/block/virtio_blk",
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
];
/// What the kernel for any machine has in modules besides: the disk's format, and further network devices.
const MORE_MODULES: [&str; 8] = [
    "lib/crc16",
    "crypto/crc32c_generic",
    "fs/mbcache",
    "fs/jbd2/jbd2",
    "fs/ext4/ext4",
    "drivers/net/ethernet/intel/e1000/e1000",
    "drivers/net/mii",
    "drivers/net/ethernet/realtek/8139cp",
];
/// Folders of the guest.
const FOLDERS: [&str; 7] = ["proc", "sys", "dev", "mnt", "modules", "lib64", "lib"];
/// Our programs, their sources, and how each is linked.
const PROGRAMS: [(&str, &[&str], &[&str]); 4] = [
    (
        "init",
        &[
            "init.c",
            "measure.c",
            "calls.c",
            "files.c",
            "faults.c",
            "processes.c",
            "pieces.c",
            "crosstalk.c",
            "accounts.c",
            "network.c",
        ],
        &["-static", "-pthread"],
    ),
    ("load", &["load.c", "measure.c"], &[]),
    ("library.so", &["library.c"], &["-shared", "-fPIC"]),
    ("tiny", &["tiny.c"], &["-static", "-nostdlib"]),
];
/// The dynamic linker, where programs look for it.
const DYNAMIC_LINKER: &str = "/lib64/ld-linux-x86-64.so.2";
/// The C library.
const C_LIBRARY: &str = "libc.so.6";

/// What programs in Rust are linked with besides.
const UNWINDER: &str = "libgcc_s.so.1";

/// A guest that can be booted.
#[derive(Debug)]
pub struct Guest {
    /// Its kernel.
    pub kernel: PathBuf,
    /// Its initial RAM file system.
    pub initramfs: PathBuf,
    /// Names and versions of the packages that it is made of.
    pub versions: String,
}

/// Makes the guest, unless it is up to date.
pub fn prepare(project: &Project, kernel: Kernel) -> Outcome<Guest> {
    let folder = project.folder(kernel.folder())?;
    let packages = packages::fetch(&folder, kernel.package())?;
    let sources = project.root().join("bench/linux");
    let (image, stamp_file) = (folder.join("initramfs"), folder.join("stamp"));
    let stamp = stamp(&sources, &packages)?;
    if !fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp && image.exists()) {
        progress::step("Making", "the Linux guest");
        let bytes = initramfs(&folder, &sources, &packages, kernel)?;
        fs::write(&image, bytes).when(|| format!("cannot write `{}`", image.display()))?;
        fs::write(&stamp_file, stamp)
            .when(|| format!("cannot write `{}`", stamp_file.display()))?;
    }
    Ok(Guest { kernel: packages.kernel, initramfs: image, versions: packages.versions })
}

/// What tells one state of the sources and packages from another.
fn stamp(sources: &Path, packages: &Packages) -> Outcome<String> {
    let mut hasher = DefaultHasher::new();
    packages.versions.hash(&mut hasher);
    for path in entries(sources) {
        read(&path)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}\n", hasher.finish()))
}

/// The guest with Warren's hosted platform in it, and the system and the script that it runs: an initial RAM file system behind the other.
pub fn with_hosted(
    project: &Project,
    guest: &Guest,
    to: &Path,
    (system, script): (&str, &str),
) -> Outcome {
    let program = build::hosted(project)?;
    let servers = build::servers(project)?;
    let request = Request {
        target: Target::Hosted,
        parameters: vec![("mode".into(), "script".into())],
        ..Request::default()
    };
    let path = project.system(system)?;
    let plan = check::checked(project, &path, &build::facts(&servers), &request)?;
    archive::write(to, &plan, &servers)?;
    let mut more = Initramfs::default();
    more.file("boot.tar", &read(to)?);
    more.file("hosted", &read(&program)?);
    more.file("disk", &read(&image::demo(project)?)?);
    more.file("script", script.as_bytes());
    more.file(&format!("lib/{UNWINDER}"), &read(&library(UNWINDER)?)?);
    let both = [read(&guest.initramfs)?, more.finish()].concat();
    fs::write(to, both).when(|| format!("cannot write `{}`", to.display()))
}

fn initramfs(
    folder: &Path,
    sources: &Path,
    packages: &Packages,
    kernel: Kernel,
) -> Outcome<Vec<u8>> {
    let mut archive = Initramfs::default();
    FOLDERS.iter().for_each(|path| archive.folder(path));
    for (program, files, flags) in PROGRAMS {
        let files: Vec<_> = files.iter().map(|file| sources.join(file)).collect();
        let path = folder.join(program);
        compile(flags, &files, &path)?;
        archive.file(program, &read(&path)?);
    }
    archive.file("busybox", &read(&packages.shell)?);
    for (number, module) in kernel.modules().enumerate() {
        let file = packages.modules.join(format!("kernel/{module}.ko"));
        archive.file(&format!("modules/{number:02}"), &read(&file)?);
    }
    archive.file(DYNAMIC_LINKER.trim_start_matches('/'), &read(Path::new(DYNAMIC_LINKER))?);
    archive.file(&format!("lib/{C_LIBRARY}"), &read(&library(C_LIBRARY)?)?);
    Ok(archive.finish())
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).when(|| format!("cannot read `{}`", path.display()))
}
