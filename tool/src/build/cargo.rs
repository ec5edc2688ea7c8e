//! What cargo compiles: which packages there are, and where their libraries and programs lie.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    failure::{Failure, Outcome, While},
    progress,
    project::Project,
};

/// Names of the workspace's packages that lie under this folder.
pub fn packages_under(project: &Project, folder: &str) -> Outcome<Vec<String>> {
    let metadata = json(
        project.cargo().args(["metadata", "--no-deps", "--format-version=1", "--offline"]),
        "cargo metadata",
    )?;
    let folder = project.root().join(folder);
    let lies_there = |package: &&Value| {
        package["manifest_path"].as_str().is_some_and(|path| Path::new(path).starts_with(&folder))
    };
    let packages = list(&metadata["packages"]).filter(lies_there);
    Ok(packages.filter_map(|package| Some(package["name"].as_str()?.to_owned())).collect())
}

/// What `cargo build` made of one package.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Name of the library or program, as in `warren_ramdisk`.
    pub name: String,
    /// The library, if it is one.
    pub library: Option<PathBuf>,
    /// The program, if it is one.
    pub program: Option<PathBuf>,
}

/// Runs `cargo build` with these arguments. Its complaints go to standard error.
pub fn build(project: &Project, arguments: &[&str]) -> Outcome<Vec<Artifact>> {
    let mut command = project.cargo();
    command.args(["build", "--quiet", "--message-format=json-render-diagnostics"]).args(arguments);
    let failed = || "cannot run cargo".to_owned();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().when(failed)?;
    let mut artifacts = Vec::new();
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
        let message = serde_json::from_str(&line.when(failed)?).unwrap_or(Value::Null);
        if let Some(artifact) = artifact(&message) {
            if message["fresh"] == false {
                progress::step("Compiled", &artifact.name);
            }
            artifacts.push(artifact);
        }
    }
    match child.wait().when(failed)?.success() {
        true => Ok(artifacts),
        false => Err(Failure::new("the project does not compile").remedy("see the errors above")),
    }
}

/// The artifact of one message, if it is about one.
fn artifact(message: &Value) -> Option<Artifact> {
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let files = list(&message["filenames"]).filter_map(Value::as_str).map(PathBuf::from);
    let is_library = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "rlib");
    Some(Artifact {
        name: message["target"]["name"].as_str()?.replace('-', "_"),
        library: files.clone().find(is_library),
        program: message["executable"].as_str().map(PathBuf::from),
    })
}

/// Runs a command and reads its output as JSON.
fn json(command: &mut Command, what: &str) -> Outcome<Value> {
    let output = command.stderr(Stdio::inherit()).output().when(|| format!("cannot run {what}"))?;
    if !output.status.success() {
        return Err(Failure::new(format!("`{what}` failed")).remedy("see the errors above"));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::new(format!("`{what}` answered nonsense: {error}")))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}
