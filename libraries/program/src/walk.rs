//! Walks a tree of files: a directory before what is in it, names in order, links not followed.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::FileStatus;

use crate::path::{self, PATH_BYTES};
use crate::stage::{Context, Stop};
use crate::world::Entry;

/// What a walk comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The path, starting as the person wrote it.
    pub path: String,
    /// As in [`FileStatus::kind`].
    pub kind: u32,
}

/// A walk through several trees, one after the other.
pub struct Walk {
    roots: VecDeque<String>,
    /// Directories that were entered: what is left of each.
    open: Vec<(String, VecDeque<Entry>)>,
    entering: Option<String>,
    /// Whether something could not be looked at.
    pub failed: bool,
}

impl Walk {
    /// A walk through `roots`.
    pub fn new(roots: Vec<String>) -> Self {
        Walk { roots: roots.into(), open: Vec::new(), entering: None, failed: false }
    }

    /// The next file or directory.
    pub fn next(&mut self, context: &mut Context<'_>) -> Result<Option<Found>, Stop> {
        loop {
            context.check()?;
            if let Some(directory) = self.entering.take() {
                self.enter(context, directory)?;
            }
            let Some(found) = self.step(context)? else {
                if self.open.is_empty() && self.roots.is_empty() {
                    return Ok(None);
                }
                continue;
            };
            if found.kind == FileStatus::DIRECTORY {
                self.entering = Some(found.path.clone());
            }
            return Ok(Some(found));
        }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Option<Found>, Stop> {
        let Some((directory, entries)) = self.open.last_mut() else { return self.root(context) };
        let Some(entry) = entries.pop_front() else {
            self.open.pop();
            return Ok(None);
        };
        Ok(Some(Found { path: path::join(directory, &entry.name), kind: entry.kind }))
    }

    fn root(&mut self, context: &mut Context<'_>) -> Result<Option<Found>, Stop> {
        let Some(root) = self.roots.pop_front() else { return Ok(None) };
        let absolute = context.path(&root);
        match context.world.status(&absolute) {
            Ok(status) => Ok(Some(Found { path: root, kind: status.kind })),
            Err(error) => {
                self.failed = true;
                context.complain_about(&root, error)?;
                Ok(None)
            }
        }
    }

    fn enter(&mut self, context: &mut Context<'_>, directory: String) -> Result<(), Stop> {
        let absolute = context.path(&directory);
        if absolute.len() > PATH_BYTES {
            self.failed = true;
            return context.complain(&format!("{directory}: the path is too long"));
        }
        match context.world.list(&absolute) {
            Ok(entries) => self.open.push((directory, entries.into())),
            Err(error) => {
                self.failed = true;
                context.complain_about(&directory, error)?;
            }
        }
        Ok(())
    }
}
