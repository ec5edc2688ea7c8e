//! A disc that boots by GRUB: for real machines, and for QEMU without `-kernel`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use warren_engine::plan::Plan;

use super::BuiltServer;
use crate::{
    failure::{Failure, Outcome, While},
    project::Project,
    run::{
        archive,
        packages::{GRUB, GRUB_PC, MTOOLS, XORRISO},
    },
};

/// What GRUB does. There is no second choice to wait for.
const MENU: &str = "\
set timeout=0
menuentry \"Warren\" {
    multiboot2 /boot/kernel
    module2 /boot/boot.tar
}
";

/// Makes the disc of a system and returns its path.
pub fn make(
    project: &Project,
    kernel: &Path,
    plan: &Plan,
    servers: &[BuiltServer],
) -> Outcome<PathBuf> {
    let folder = project.folder("iso")?;
    let tree = folder.join("tree");
    let failed = || format!("cannot write to `{}`", tree.display());
    fs::create_dir_all(tree.join("boot/grub")).when(failed)?;
    fs::write(tree.join("boot/grub/grub.cfg"), MENU).when(failed)?;
    fs::copy(kernel, tree.join("boot/kernel")).when(failed)?;
    archive::write(&tree.join("boot/boot.tar"), plan, servers)?;
    // grub-mkrescue itself only says that something is missing, and not what.
    [GRUB_PC, XORRISO, MTOOLS].iter().try_for_each(|needed| needed.path().map(drop))?;
    let disc = folder.join(format!("{}.iso", plan.system));
    let output = Command::new(GRUB.path()?)
        .arg("-o")
        .args([&disc, &tree])
        .output()
        .when(|| "cannot run grub-mkrescue".into())?;
    match output.status.success() {
        true => Ok(disc),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Failure::new(format!("grub-mkrescue made no disc: {}", said.trim())))
        }
    }
}
