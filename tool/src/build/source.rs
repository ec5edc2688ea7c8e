//! Which servers there are, and what they are made of.
//!
//! A server is a folder under `servers/ROLE/`: a Rust package, or C files without one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::cargo;
use crate::{
    failure::{Failure, Outcome},
    project::Project,
    system::diagnostic::did_you_mean,
};

/// A server that can be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Name of its file in the boot archive.
    pub file: String,
    /// What it is made of.
    pub language: Language,
}

/// What a server is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Language {
    /// A package of the workspace: `warren-ramdisk`.
    Rust(String),
    /// C files, sorted.
    C(Vec<PathBuf>),
}

/// All servers, in the order of their names.
pub fn all(project: &Project) -> Outcome<Vec<Source>> {
    let packages = cargo::packages_under(project, "servers")?;
    let mut sources: Vec<_> = packages.into_iter().map(rust).collect();
    let roles = entries(&project.root().join("servers"));
    sources.extend(roles.iter().flat_map(|role| entries(role)).filter_map(|folder| c(&folder)));
    sources.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(sources)
}

/// The servers with these names.
pub fn some(project: &Project, names: &[String]) -> Outcome<Vec<Source>> {
    let all = all(project)?;
    let find = |name: &String| {
        all.iter().find(|one| one.file == *name).cloned().ok_or_else(|| {
            let known = did_you_mean(name, all.iter().map(|one| one.file.as_str()));
            let failure = Failure::new(format!("there is no server `{name}` under servers/"));
            failure.maybe_remedy(known)
        })
    };
    names.iter().map(find).collect()
}

fn rust(package: String) -> Source {
    let file = package.strip_prefix("warren-").unwrap_or(&package).to_owned();
    Source { file, language: Language::Rust(package) }
}

/// The server in a folder that is no Rust package, if there is C in it.
fn c(folder: &Path) -> Option<Source> {
    if folder.join("Cargo.toml").exists() {
        return None;
    }
    let is_c = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "c");
    let files: Vec<_> = entries(folder).into_iter().filter(is_c).collect();
    let file = folder.file_name()?.to_string_lossy().into_owned();
    (!files.is_empty()).then_some(Source { file, language: Language::C(files) })
}

/// What lies in a folder, sorted; nothing if it is none.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
