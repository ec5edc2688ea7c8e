//! Several files become one system: includes are read first, then changes are applied.

use std::path::{Component, Path, PathBuf};

use warren_engine::plan::Placement;

use super::{
    diagnostic::{Diagnostic, did_you_mean},
    source::{Located, Sources, Span},
    syntax::{self, Connect, Document, Server},
};

/// A system of one or more files. Names are unique, changes are applied.
#[derive(Debug, Default)]
pub struct System {
    /// Its servers, in the order of their definition.
    pub servers: Vec<Server>,
    /// Where servers run that do not say it.
    pub place: Option<Placement>,
    /// Who answers for a service, unless a server says otherwise. The last one counts.
    pub connects: Vec<Connect>,
    /// What to start.
    pub starts: Vec<Located<String>>,
}

impl System {
    /// Index of the server with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.servers.iter().position(|server| server.name.value == name)
    }

    /// Names of all servers.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.servers.iter().map(|server| server.name.value.as_str())
    }
}

/// Reads a file; the error is one line for people.
pub type Read<'a> = &'a mut dyn FnMut(&Path) -> Result<String, String>;

/// Reads the file at `path` and what it includes.
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
    loader.file(path, None);
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
        let index = self.sources.add(path.display().to_string(), text.clone());
        let document = syntax::parse(&text, index, self.diagnostics);
        self.stack.push(path.to_path_buf());
        for include in &document.includes {
            self.include(path, include);
        }
        self.merge(document);
        self.stack.pop();
        self.done.push(path.to_path_buf());
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
        for server in document.servers {
            self.define(server);
        }
        for change in document.changes {
            self.change(change);
        }
        self.system.connects.extend(document.connects);
        self.system.starts.extend(document.starts);
    }

    fn define(&mut self, server: Server) {
        match self.system.find(&server.name.value) {
            None => self.system.servers.push(server),
            Some(at) => {
                let name = &server.name;
                let first = &self.system.servers[at].name.span;
                let found = Diagnostic::error(
                    &name.span,
                    format!("two servers are called `{}`", name.value),
                )
                .also(first, "first here")
                .help(format!(
                    "to alter a server of an included file, say `change \"{}\"`",
                    name.value
                ));
                self.diagnostics.push(found);
            }
        }
    }

    fn change(&mut self, change: Server) {
        match self.system.find(&change.name.value) {
            Some(at) => apply(&mut self.system.servers[at], change),
            None => {
                let name = &change.name;
                let found =
                    Diagnostic::error(&name.span, format!("no server `{}` to change", name.value))
                        .maybe_help(did_you_mean(&name.value, self.system.names()));
                self.diagnostics.push(found);
            }
        }
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

/// What is said later replaces what was said earlier of the same thing.
fn apply(server: &mut Server, change: Server) {
    fn replace<T>(old: &mut Option<T>, new: Option<T>) {
        if new.is_some() {
            *old = new;
        }
    }
    replace(&mut server.file, change.file);
    replace(&mut server.place, change.place);
    replace(&mut server.memory_limit, change.memory_limit);
    replace(&mut server.watchdog, change.watchdog);
    replace(&mut server.restart, change.restart);
    replace(&mut server.otherwise, change.otherwise);
    replace(&mut server.hosted, change.hosted);
    server.grants.extend(change.grants);
    for connect in change.connects {
        server.connects.retain(|old| old.what.value != connect.what.value);
        server.connects.push(connect);
    }
    for piece in change.hardware {
        let same =
            |field: &Option<Located<String>>| field.as_ref().map(|field| field.value.clone());
        server.hardware.retain(|old| {
            old.piece.node() != piece.piece.node() || same(&old.field) != same(&piece.field)
        });
        server.hardware.push(piece);
    }
    for (name, value) in change.parameters {
        server.parameters.retain(|(old, _)| old.value != name.value);
        server.parameters.push((name, value));
    }
}
