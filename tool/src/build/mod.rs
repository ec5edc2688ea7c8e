//! Building: server files, kernel, hosted platform.
//!
//! Cargo compiles everything; what it cannot do is done here: [`link`] makes server files of server
//! libraries, [`pack`] checks them. A build that finds nothing to do takes a moment.
//!
//! # Servers that survive panics
//!
//! Only a server's own file says that it is one. So every server is made as if it were none, and those whose files
//! say so are made again, of libraries with landing pads.

pub mod cargo;
pub mod iso;
pub mod link;
pub mod pack;
pub mod source;

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use warren_engine::file::ServerFile;

use cargo::Artifact;
use link::{Linker, ServerPaths};
use source::{Language, Source};

use crate::{
    failure::{Failure, Outcome, While},
    progress,
    project::Project,
    system::facts::Facts,
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
    make_all(project, &source::all(project)?)
}

/// Builds the server files with these names.
pub fn some_servers(project: &Project, names: &[String]) -> Outcome<Vec<BuiltServer>> {
    make_all(project, &source::some(project, names)?)
}

/// How libraries are compiled, and where the files that are linked of them go.
#[derive(Clone, Copy, Debug)]
struct Profile {
    /// Its name in the project's `Cargo.toml`.
    name: &'static str,
    /// The folder in the tool's part of the target directory.
    folder: &'static str,
}

/// For servers that die of a panic.
const DYING: Profile = Profile { name: "server", folder: "servers" };
/// For servers that survive panics.
const SURVIVING: Profile = Profile { name: "surviving", folder: "servers/surviving" };

fn make_all(project: &Project, sources: &[Source]) -> Outcome<Vec<BuiltServer>> {
    let mut servers = make_as(project, sources, DYING)?;
    let survives = |one: &BuiltServer| one.file.description().survives_panics;
    let places: Vec<_> = (0..servers.len()).filter(|at| survives(&servers[*at])).collect();
    let sources: Vec<_> = places.iter().map(|at| sources[*at].clone()).collect();
    if !sources.is_empty() {
        for (place, server) in places.into_iter().zip(make_as(project, &sources, SURVIVING)?) {
            servers[place] = server;
        }
    }
    Ok(servers)
}

fn make_as(project: &Project, sources: &[Source], profile: Profile) -> Outcome<Vec<BuiltServer>> {
    let packages = sources.iter().filter_map(|one| match &one.language {
        Language::Rust(package) => Some(format!("--package={package}")),
        Language::C(_) => None,
    });
    let packages: Vec<_> = packages.collect();
    let mut arguments = vec!["--profile", profile.name, "--lib", "--package=warren-runtime"];
    arguments.extend(packages.iter().map(String::as_str));
    let artifacts = cargo::build(project, &arguments)?;
    let linker = linker(project, &artifacts, profile)?;
    // Two that link would destroy each other's objects.
    let _turn = project.turn(DYING.folder)?;
    in_parallel(sources, |one| make(&linker, one, &artifacts))
}

/// Builds the kernel, for size like the servers, and returns its path.
pub fn kernel(project: &Project) -> Outcome<PathBuf> {
    program(project, "server", "warren-kernel", "kernel")
}

/// Builds the hosted platform and returns its path.
pub fn hosted(project: &Project) -> Outcome<PathBuf> {
    program(project, "release", "warren-hosted", "warren-hosted")
}

fn program(project: &Project, profile: &str, package: &str, program: &str) -> Outcome<PathBuf> {
    let arguments = ["--profile", profile, "--package", package, "--bin", program];
    let artifacts = cargo::build(project, &arguments)?;
    let found = artifacts.into_iter().filter_map(|artifact| artifact.program).next_back();
    found.ok_or_else(|| Failure::new(format!("cargo built no program `{program}`")))
}

fn linker(project: &Project, artifacts: &[Artifact], profile: Profile) -> Outcome<Linker> {
    let runtime = library(artifacts, "warren-runtime")?;
    let compiler = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .when(|| "cannot run rustc".into())?;
    Ok(Linker {
        script: project.root().join("tool/server.ld"),
        headers: project.root().join("model/c"),
        memory: project.root().join("model/intrinsics/src/memory.s"),
        dependencies: project.target().join(profile.name).join("deps"),
        runtime,
        folder: project.folder(profile.folder)?,
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
fn make(linker: &Linker, one: &Source, artifacts: &[Artifact]) -> Outcome<BuiltServer> {
    let linked = match &one.language {
        Language::Rust(package) => linker.link_rust(&one.file, &library(artifacts, package)?)?,
        Language::C(files) => linker.link_c(&one.file, files)?,
    };
    if linked {
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
