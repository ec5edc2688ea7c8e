//! System files: what a system consists of, checked completely before it boots.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`source`] | texts, and places in them |
//! | [`syntax`], [`fields`] | one file: KDL becomes nodes |
//! | [`merge`] | several files: includes and changes |
//! | [`principals`] | who pays for each server, and who schedules whom |
//! | [`facts`] | what server files and platforms provide |
//! | [`resolve`] | each requirement gets its binding |
//! | [`plan`] | order, cycles, what nobody uses; the plan |
//! | [`forwards`] | ports of the host, and where they lead |
//! | [`diagnostic`] | findings, and how they are shown |
//!
//! All of it is pure: files are read by a function that the caller gives, and all errors are collected.

pub mod diagnostic;
pub mod facts;
mod fields;
mod forwards;
pub mod merge;
pub mod place;
mod plan;
mod principals;
mod resolve;
pub mod source;
mod syntax;
#[cfg(test)]
mod tests;

use crate::run::machine::Forward;
use std::path::Path;

use warren_engine::plan::{Placement, Plan, SERVERS};

use diagnostic::{Diagnostic, Severity, did_you_mean};
use facts::Facts;
use source::Sources;

/// What a system is checked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// The kernel on a machine.
    #[default]
    Machine,
    /// A Linux process.
    Hosted,
}

/// What is checked, and how it differs from what the file says.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// For which platform.
    pub target: Target,
    /// Whether hosted placements are processes. Otherwise all servers run in the platform's own.
    pub processes: bool,
    /// Placements from the command line; the name `all` means every server. The last one counts.
    pub placements: Vec<(String, Placement)>,
    /// Parameters for every server that reads them and for which the system file does not set them.
    pub parameters: Vec<(String, String)>,
}

/// The name in [`Request::placements`] that means every server.
pub const ALL: &str = "all";

/// What came out.
#[derive(Debug)]
pub struct Outcome {
    /// The plan; `None` if there is an error.
    pub plan: Option<Plan>,
    /// Ports of the host that lead into the system's network.
    pub forwards: Vec<Forward>,
    /// Errors and warnings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were read.
    pub sources: Sources,
}

impl Outcome {
    /// Number of findings of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == severity).count()
    }
}

/// Checks the system file at `path` and plans it.
pub fn check(path: &Path, facts: &Facts, request: &Request, read: merge::Read<'_>) -> Outcome {
    let mut sources = Sources::default();
    let mut diagnostics = Vec::new();
    let mut system = merge::load(path, read, &mut sources, &mut diagnostics);
    command_line(&mut system, request, &mut diagnostics);
    check_count(&mut system, &mut diagnostics);
    check_files(&system, facts, &mut diagnostics);
    let resolutions: Vec<_> = (0..system.servers.len())
        .map(|at| {
            resolve::check_stand_ins(&system, facts, at, &mut diagnostics);
            resolve::resolve(&system, facts, request.target, at, &mut diagnostics)
        })
        .collect();
    let principals = principals::resolve(&system, facts, &mut diagnostics);
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
    let planned =
        plan::plan(name, &system, facts, request, resolutions, principals, &mut diagnostics);
    forwards::check(&system.forwards, planned.as_ref(), request.target, &mut diagnostics);
    diagnostics.sort_by_key(|found| {
        found.span.as_ref().map_or((0, 0), |span| (span.file + 1, span.range.start))
    });
    let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
    let forwards = system.forwards.into_iter().map(|forward| forward.value).collect();
    Outcome { plan: planned.filter(|_| !failed), forwards, diagnostics, sources }
}

/// Placements on the command line must name servers.
fn command_line(system: &mut merge::System, request: &Request, diagnostics: &mut Vec<Diagnostic>) {
    for (name, _) in &request.placements {
        if name != ALL && system.find(name).is_none() {
            let message = format!("--place {name}=…: the system has no server `{name}`");
            let help = did_you_mean(name, system.names());
            diagnostics.push(Diagnostic::elsewhere(message).maybe_help(help));
        }
    }
}

/// What is beyond the number of servers that a system can have is not looked at.
fn check_count(system: &mut merge::System, diagnostics: &mut Vec<Diagnostic>) {
    if let Some(first) = system.servers.get(SERVERS) {
        let message = format!("a system has at most {SERVERS} servers; this is one more");
        diagnostics.push(Diagnostic::error(&first.name.span, message));
        system.servers.truncate(SERVERS);
    }
}

/// Each server's file must exist.
fn check_files(system: &merge::System, facts: &Facts, diagnostics: &mut Vec<Diagnostic>) {
    for server in &system.servers {
        let file = resolve::file_of(server);
        if !facts.contains_key(&file.value) {
            let message = format!("no server file `{}`", file.value);
            let help = did_you_mean(&file.value, facts.keys().map(String::as_str));
            diagnostics.push(Diagnostic::error(&file.span, message).maybe_help(help));
        }
    }
}
