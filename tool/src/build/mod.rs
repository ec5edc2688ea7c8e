//! Building: server files, kernel, hosted platform.
//!
//! Cargo compiles everything; what it cannot do is done here: [`link`] makes server files of server
//! libraries, [`pack`] checks them. A build that finds nothing to do takes a moment.

pub mod cargo;
pub mod link;
pub mod pack;

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use warren_engine::file::ServerFile;

use cargo::{Artifact, ServerPackage};
use link::{Linker, ServerPaths};

use crate::{
    failure::{Failure, Outcome, While},
    progress,
    project::Project,
    system::{diagnostic::did_you_mean, facts::Facts},
};

/// Servers that are linked at the same time.
const PARALLEL: usize = 2;

/// A server file that was built and checked.
#[derive(Debug)]
pub struct BuiltServer {
    /// Where it lies.
    pub paths: ServerPaths,
    /// What it says.
    pub file: ServerFile,
}

/// What all the server files say, for the checker of systems.
pub fn facts(servers: &[BuiltServer]) -> Facts {
    let fact = |one: &BuiltServer| (one.paths.name.clone(), one.file.description().clone());
    servers.iter().map(fact).collect()
}

/// Builds all server files, in the order of their names.
pub fn servers(project: &Project) -> Outcome<Vec<BuiltServer>> {
    let packages = cargo::server_packages(project)?;
    build_servers(project, &packages)
}

/// Builds the server files with these names.
pub fn some_servers(project: &Project, names: &[String]) -> Outcome<Vec<BuiltServer>> {
    let all = cargo::server_packages(project)?;
    let find = |name: &String| {
        all.iter().find(|one| one.file == *name).cloned().ok_or_else(|| {
            let known = did_you_mean(name, all.iter().map(|one| one.file.as_str()));
            let failure = Failure::new(format!("there is no server `{name}` under servers/"));
            failure.maybe_remedy(known)
        })
    };
    let packages = names.iter().map(find).collect::<Outcome<Vec<_>>>()?;
    build_servers(project, &packages)
}

fn build_servers(project: &Project, packages: &[ServerPackage]) -> Outcome<Vec<BuiltServer>> {
    let mut arguments = vec!["--profile=server", "--lib", "--package=warren-runtime"];
    let chosen: Vec<_> = packages.iter().map(|one| format!("--package={}", one.package)).collect();
    arguments.extend(chosen.iter().map(String::as_str));
    let artifacts = cargo::build(project, &arguments)?;
    let linker = linker(project, &artifacts)?;
    in_parallel(packages, |one| make(&linker, one, &artifacts))
}

/// Builds the kernel and returns its path.
pub fn kernel(project: &Project) -> Outcome<PathBuf> {
    program(project, "warren-kernel", "kernel")
}

/// Builds the hosted platform and returns its path.
pub fn hosted(project: &Project) -> Outcome<PathBuf> {
    program(project, "warren-hosted", "warren-hosted")
}

fn program(project: &Project, package: &str, program: &str) -> Outcome<PathBuf> {
    let arguments = ["--release", "--package", package, "--bin", program];
    let artifacts = cargo::build(project, &arguments)?;
    let found = artifacts.into_iter().filter_map(|artifact| artifact.program).next_back();
    found.ok_or_else(|| Failure::new(format!("cargo built no program `{program}`")))
}

fn linker(project: &Project, artifacts: &[Artifact]) -> Outcome<Linker> {
    let runtime = library(artifacts, "warren-runtime")?;
    let compiler = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .when(|| "cannot run rustc".into())?;
    Ok(Linker {
        script: project.root().join("tool/server.ld"),
        dependencies: project.target().join("server/deps"),
        runtime,
        folder: project.folder("servers")?,
        compiler: String::from_utf8_lossy(&compiler.stdout).into_owned(),
    })
}

fn library(artifacts: &[Artifact], package: &str) -> Outcome<PathBuf> {
    let name = package.replace('-', "_");
    let found = artifacts.iter().filter(|artifact| artifact.name == name);
    found
        .filter_map(|artifact| artifact.library.clone())
        .next_back()
        .ok_or_else(|| Failure::new(format!("cargo built no library of `{package}`")))
}

/// Links one server, if it is out of date, and checks its file.
fn make(linker: &Linker, one: &ServerPackage, artifacts: &[Artifact]) -> Outcome<BuiltServer> {
    if linker.link(&one.file, &library(artifacts, &one.package)?)? {
        progress::step("Linked", &one.file);
    }
    let paths = linker.paths(&one.file);
    let file = pack::check(&paths)?;
    Ok(BuiltServer { paths, file })
}

/// Does the same to all items. All failures are shown, and the last is returned.
fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Outcome<R> + Sync,
) -> Outcome<Vec<R>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            match items.get(at) {
                Some(item) => done.push((at, work(item))),
                None => return done,
            }
        }
    };
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..PARALLEL).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(|worker| worker.join().expect("workers do not panic"));
        joined.flatten().collect::<Vec<_>>()
    });
    done.sort_by_key(|(at, _)| *at);
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for (_, outcome) in done {
        match outcome {
            Ok(result) => results.push(result),
            Err(failure) => failures.push(failure),
        }
    }
    let last = failures.pop();
    failures.iter().for_each(|failure| eprint!("{failure}"));
    last.map_or(Ok(results), Err)
}
