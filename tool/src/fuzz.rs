//! Fuzz targets: how they are found, built and run.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    failure::{Failure, Outcome, While},
    project::Project,
    run::packages::COMPILER,
    system::diagnostic::did_you_mean,
};

/// Where cargo puts programs of the fuzzers' workspace, which names its platform in order to spare build scripts.
const RELEASE: &str = "x86_64-unknown-linux-gnu/release";

/// Names of all targets.
pub fn targets(project: &Project) -> Vec<String> {
    let entries = fs::read_dir(project.root().join("fuzz/src/bin")).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// Builds a target and returns the command that runs it for that many seconds; 0 is for ever.
pub fn command(project: &Project, target: &str, seconds: u64) -> Outcome<Command> {
    let known = targets(project);
    if !known.iter().any(|name| name == target) {
        let help = did_you_mean(target, known.iter().map(String::as_str));
        return Err(Failure::new(format!("there is no fuzz target `{target}`")).maybe_remedy(help));
    }
    let folder = project.root().join("fuzz");
    let built = project.target().join("fuzz");
    build(project, &folder, &built, target)?;
    let corpus = built.join("corpus").join(target);
    fs::create_dir_all(&corpus).when(|| format!("cannot create `{}`", corpus.display()))?;
    let mut command = Command::new(built.join(RELEASE).join(target));
    command.current_dir(&folder).arg(&corpus);
    let seeds = folder.join("corpus").join(target);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    command.args(["-use_value_profile=1", &format!("-max_total_time={seconds}")]);
    Ok(command)
}

/// Builds a target. The flags that instrument it are in the workspace's own configuration.
fn build(project: &Project, folder: &Path, built: &Path, target: &str) -> Outcome {
    COMPILER.path()?;
    let status = project
        .cargo()
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", built)
        .env_remove("RUSTFLAGS")
        .args(["build", "--quiet", "--release", "--bin", target])
        .stdin(Stdio::null())
        .status()
        .when(|| "cannot run cargo".into())?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("the fuzz target `{target}` does not build: see above"))),
    }
}
