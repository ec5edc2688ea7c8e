//! Several files become one system: includes are read first, then changes are applied.
//!
//! Every system begins with the same few lines, as if it included them; but whoever defines something of them again alters it, and
//! a server of them that is not needed is no part of the system.

use crate::run::machine::Forward;
use std::{
    collections::HashSet,
    path::{Component, Path, PathBuf},
};

use warren_engine::plan::Placement;

use super::{
    diagnostic::Diagnostic,
    source::{Located, Sources, Span},
    syntax::{self, Connect, Document, Principal, Server},
};

mod named;

/// What every system begins with.
const PREDEFINED: &str = include_str!("predefined.kdl");
/// Index of its text among the [`Sources`]: it is the first.
const PREDEFINED_FILE: usize = 0;
/// How it is called where a finding shows it.
const PREDEFINED_PATH: &str = "predefined.kdl";

/// Whether something stands in what every system begins with, and no file has defined it again.
pub fn is_predefined(span: &Span) -> bool {
    span.file == PREDEFINED_FILE
}

/// A system of one or more files. Names are unique, changes are applied.
#[derive(Debug, Default)]
pub struct System {
    /// Its principals, in the order of their definition. The first is the system's own.
    pub principals: Vec<Principal>,
    /// Its servers, in the order of their definition.
    pub servers: Vec<Server>,
    /// Where servers run that do not say it.
    pub place: Option<Placement>,
    /// Who answers for a service, unless a server says otherwise. The last one counts.
    pub connects: Vec<Connect>,
    /// What to start.
    pub starts: Vec<Located<String>>,
    /// Ports of the host that lead into the system's network.
    pub forwards: Vec<Located<Forward>>,
}

impl System {
    /// Index of the server with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        named::position(&self.servers, name)
    }

    /// Names of all servers.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        named::names(&self.servers)
    }

    /// Index of the principal with this name.
    pub fn find_principal(&self, name: &str) -> Option<usize> {
        named::position(&self.principals, name)
    }

    /// Names of all principals.
    pub fn principal_names(&self) -> impl Iterator<Item = &str> + Clone {
        named::names(&self.principals)
    }

    /// Whether a file says anything of servers.
    pub fn has_servers(&self) -> bool {
        self.servers.iter().any(|server| !is_predefined(&server.name.span))
    }

    /// Takes away predefined servers that schedule nobody.
    fn leave_out_unneeded(&mut self) {
        let schedulers = self.principals.iter().filter_map(|one| one.scheduler.as_ref());
        let schedulers: HashSet<&str> = schedulers.map(|name| name.value.as_str()).collect();
        self.servers.retain(|server| {
            !is_predefined(&server.name.span) || schedulers.contains(server.name.value.as_str())
        });
    }
}

/// Reads a file; the error is one line for people.
pub type Read<'a> = &'a mut dyn FnMut(&Path) -> Result<String, String>;

/// Reads what is predefined, the file at `path` and what it includes.
pub fn load(
    path: &Path,
    read: Read<'_>,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> System {
    let mut loader = Loader {
        read,
        sources,
        diagnostics,
        system: System::default(),
        stack: vec![],
        done: vec![],
    };
    let predefined = loader.parse(PREDEFINED_PATH.into(), PREDEFINED.into());
    loader.merge(predefined);
    loader.file(path, None);
    loader.system.leave_out_unneeded();
    loader.system
}

struct Loader<'a> {
    read: Read<'a>,
    sources: &'a mut Sources,
    diagnostics: &'a mut Vec<Diagnostic>,
    system: System,
    /// Files that are being read, from the outermost.
    stack: Vec<PathBuf>,
    /// Files that were read to the end. A file that two others include counts once.
    done: Vec<PathBuf>,
}

impl Loader<'_> {
    fn file(&mut self, path: &Path, included: Option<&Span>) {
        if self.done.iter().any(|done| done == path) {
            return;
        }
        let text = match (self.read)(path) {
            Ok(text) => text,
            Err(reason) => return self.unreadable(path, &reason, included),
        };
        let document = self.parse(path.display().to_string(), text);
        self.stack.push(path.to_path_buf());
        for include in &document.includes {
            self.include(path, include);
        }
        self.merge(document);
        self.stack.pop();
        self.done.push(path.to_path_buf());
    }

    fn parse(&mut self, path: String, text: String) -> Document {
        let index = self.sources.add(path, text);
        syntax::parse(&self.sources.file(index).text, index, self.diagnostics)
    }

    fn unreadable(&mut self, path: &Path, reason: &str, included: Option<&Span>) {
        let message = format!("cannot read system file `{}`: {reason}", path.display());
        self.diagnostics.push(match included {
            Some(span) => Diagnostic::error(span, message),
            None => Diagnostic::elsewhere(message),
        });
    }

    fn include(&mut self, from: &Path, include: &Located<String>) {
        let mut path = from.parent().unwrap_or(Path::new("")).join(&include.value);
        if path.extension().is_none() {
            path.set_extension("kdl");
        }
        let path = normal(&path);
        match self.stack.iter().position(|open| *open == path) {
            Some(at) => {
                let round: Vec<_> =
                    self.stack[at..].iter().chain([&path]).map(|path| shown(path)).collect();
                let message = format!("files include each other: {}", round.join(" → "));
                self.diagnostics.push(Diagnostic::error(&include.span, message));
            }
            None => self.file(&path, Some(&include.span)),
        }
    }

    fn merge(&mut self, document: Document) {
        if let Some(place) = document.place {
            self.system.place = Some(place.value);
        }
        let System { principals, servers, .. } = &mut self.system;
        for server in document.servers {
            named::define(servers, server, self.diagnostics);
        }
        for change in document.changes {
            named::change(servers, change, self.diagnostics);
        }
        for principal in document.principals {
            named::define(principals, principal, self.diagnostics);
        }
        for change in document.principal_changes {
            named::change(principals, change, self.diagnostics);
        }
        self.system.connects.extend(document.connects);
        self.system.starts.extend(document.starts);
        self.system.forwards.extend(document.forwards);
    }
}

fn shown(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
}

/// The path without `.` and with as few `..` as possible, so that equal files have equal paths.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => (),
            Component::ParentDir
                if matches!(normal.components().next_back(), Some(Component::Normal(_))) =>
            {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
