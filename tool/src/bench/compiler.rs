//! Programs in C that are measured with: compiled by the host's compiler.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::{Failure, Outcome, While},
    project::Project,
    run::packages::GCC,
};

/// Compiles `sources` to `program`.
pub fn compile(flags: &[&str], sources: &[PathBuf], program: &Path) -> Outcome {
    let output = Command::new(GCC.path()?)
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(program)
        .args(sources)
        .args(flags)
        .output()
        .when(|| "cannot run gcc".into())?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Failure::new(format!("gcc failed:\n{}", said.trim()))
                .remedy("the C library's headers may be missing: sudo apt-get install libc6-dev"))
        }
    }
}

/// The plugin of QEMU that counts instructions.
pub fn counter(project: &Project) -> Outcome<PathBuf> {
    let plugin = project.folder("bench")?.join("libcounter.so");
    compile(&["-shared", "-fPIC"], &[project.root().join("bench/counter/counter.c")], &plugin)?;
    Ok(plugin)
}

/// What counts a process's instructions by single steps.
pub fn stepper(project: &Project) -> Outcome<PathBuf> {
    let program = project.folder("bench")?.join("stepper");
    compile(&[], &[project.root().join("bench/stepper/stepper.c")], &program)?;
    Ok(program)
}

/// Where the compiler takes a library of the host from.
pub fn library(name: &str) -> Outcome<PathBuf> {
    let output = Command::new(GCC.path()?)
        .arg(format!("-print-file-name={name}"))
        .output()
        .when(|| "cannot run gcc".into())?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
