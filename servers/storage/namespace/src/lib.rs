//! The table that says which file system answers for which path.
//!
//! # Shape
//!
//! [`path`] gives paths one spelling, [`mounts`] finds the longest prefix; both are pure and tested on the host.
//! [`NamespaceServer`] is the server around them.
//!
//! # Not on the path of reads
//!
//! What it opens are the file system's own references, so nothing that is done with an open file passes
//! here again. Only the listing of a directory in which something is mounted is this server's
//! own, because no file system knows of it.
//!
//! # Mounted when first used
//!
//! The parameter `mounts`, `/docs=docs-fs,/ram=ram-fs`, names servers. The launcher is asked for one when
//! a path below its mount is first used, and the reference is kept, so that the server stays. If the
//! server has died, the launcher is asked once more: it may have been restarted.
//!
//! # State, and what a restart loses
//!
//! The mounts that were made by calls. Those of the parameter, and the root, are there again.
//!
//! # Why it survives panics
//!
//! The table changes in one step, after everything that could fail: a panic finds it as it was before the call. It
//! costs that call, and not the mounts that a restart would lose.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod mounts;
pub mod path;

mod listing;

use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
};

use warren::{
    Cx, Kept, New, Optional, Out, Ref, Req, Required, Server, StartError, SystemError, server,
};
use warren_idl::{
    Directory, File, FileError, FileStatus, FileSystem, LaunchError, Launcher, MountError,
    Namespace, Parameters,
};
use warren_parameters::parameter;

use crate::{
    listing::Listing,
    mounts::{Mounts, Taken},
    path::{BadPath, normalise},
};

/// What the namespace needs.
#[derive(Required)]
pub struct Needs {
    /// Answers for what nothing else answers for.
    root: Optional<dyn FileSystem>,
    /// Finds the servers of the parameter `mounts`.
    launcher: Optional<dyn Launcher>,
    parameters: Req<dyn Parameters>,
}

/// The table of mounts.
#[server(
    provides(FileSystem, Namespace),
    locals(Listing),
    parameters("mounts"),
    survives_panics,
    stack = 16384,
    summary = "says which file system answers for which path"
)]
pub struct NamespaceServer {
    mounts: Mounts<Mounted>,
    /// How many mounts there were.
    made: u64,
}

/// What is mounted, and the number of the mount.
struct Mounted {
    number: u64,
    target: Target,
}

/// What answers below a mount.
enum Target {
    /// What a call has mounted.
    Given(Kept<dyn FileSystem>),
    /// A server of the parameter, and the reference to it once it was used.
    Named(String, Option<Kept<dyn FileSystem>>),
}

/// What answers for a path.
struct Answer<'f> {
    file_system: Ref<'f, dyn FileSystem>,
    /// The path as the file system knows it.
    path: String,
    /// The number of the mount; 0 if it is the root that the system file connects.
    mount: u64,
    /// The mount, if the launcher can be asked for the server again.
    renewable: Option<String>,
}

impl Server for NamespaceServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let (mounts, made) = named(&cx.req().parameters)?;
        Ok(NamespaceServer { mounts, made })
    }
}

impl FileSystem for NamespaceServer {
    fn open<'f>(cx: &mut Cx<'f, Self>, path: &str) -> Result<Ref<'f, dyn File>, FileError> {
        let path = normalise(path)?;
        let found = Self::ask(cx, &path, |cx, answer| answer.file_system.open(cx, &answer.path));
        match found {
            Err(FileError::NotFound) if !cx.mounts.children(&path).is_empty() => {
                Err(FileError::IsADirectory)
            }
            found => found,
        }
    }

    fn directory<'f>(
        cx: &mut Cx<'f, Self>,
        path: &str,
    ) -> Result<Ref<'f, dyn Directory>, FileError> {
        let path = normalise(path)?;
        let found =
            Self::ask(cx, &path, |cx, answer| answer.file_system.directory(cx, &answer.path));
        let children = cx.mounts.children(&path);
        if children.is_empty() {
            return found;
        }
        let below = match found {
            Ok(directory) => Some(directory),
            Err(FileError::NotFound | FileError::NotADirectory) => None,
            Err(error) => return Err(error),
        };
        let listing = Listing::merge(cx, below, &children)?;
        Ok(cx.spawn(listing)?)
    }

    fn status(cx: &mut Cx<'_, Self>, path: &str) -> Result<FileStatus, FileError> {
        let path = normalise(path)?;
        let found = Self::ask(cx, &path, |cx, answer| {
            let status = answer.file_system.status(cx, &answer.path)?;
            Ok(FileStatus { mount: answer.mount, ..status })
        });
        match found {
            Err(FileError::NotFound) if !cx.mounts.children(&path).is_empty() => {
                Ok(FileStatus { kind: FileStatus::DIRECTORY, mode: 0o555, ..FileStatus::default() })
            }
            found => found,
        }
    }
}

impl Namespace for NamespaceServer {
    fn mount<'f>(
        cx: &mut Cx<'f, Self>,
        path: &str,
        file_system: Ref<'f, dyn FileSystem>,
    ) -> Result<(), MountError> {
        let path = normalise(path).map_err(|BadPath| MountError::BadPath)?;
        if path == "/" && cx.req().root.get().is_some() {
            return Err(MountError::Taken);
        }
        let target = Target::Given(file_system.keep()?);
        cx.made += 1;
        let mounted = Mounted { number: cx.made, target };
        cx.mounts.insert(path, mounted).map_err(|Taken| MountError::Taken)
    }

    fn unmount(cx: &mut Cx<'_, Self>, path: &str) -> Result<(), MountError> {
        let path = normalise(path).map_err(|BadPath| MountError::BadPath)?;
        cx.mounts.remove(&path).map(drop).ok_or(MountError::NotMounted)
    }

    /// The root that the system file connects is mount 0.
    fn mounted(cx: &mut Cx<'_, Self>, index: u64, mut path: Out<'_>) -> Result<u64, MountError> {
        let root = cx.req().root.get().map(|_| "/");
        let mounted = root.into_iter().chain((0..).map_while(|index| cx.mounts.path(index)));
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let found = mounted.into_iter().nth(index).ok_or(MountError::End)?;
        path.fill_from(found.as_bytes());
        Ok(found.len() as u64)
    }
}

impl NamespaceServer {
    /// Calls what answers for a path. If that has died and has a name, what has the name now is called.
    fn ask<'f, T>(
        cx: &mut Cx<'f, Self>,
        path: &str,
        call: impl Fn(&mut Cx<'f, Self>, &Answer<'f>) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        let answer = Self::answer(cx, path)?;
        match (call(cx, &answer), answer.renewable) {
            (Err(FileError::System(SystemError::Lost)), Some(mount)) => {
                cx.forget(&mount);
                let answer = Self::answer(cx, path)?;
                call(cx, &answer)
            }
            (result, _) => result,
        }
    }

    /// What answers for a path. A server that was not used before is launched.
    fn answer<'f>(cx: &mut Cx<'f, Self>, path: &str) -> Result<Answer<'f>, FileError> {
        let Some((mount, mounted, path)) = cx.mounts.find(path) else {
            let root = cx.req().root.get().ok_or(FileError::NotFound)?;
            return Ok(Answer {
                file_system: root.as_ref(),
                path: path.to_string(),
                mount: 0,
                renewable: None,
            });
        };
        let (mount, path, number) = (mount.to_string(), path.to_string(), mounted.number);
        let (file_system, renewable) = match &mounted.target {
            Target::Given(kept) => (kept.get(cx)?, None),
            Target::Named(_, Some(kept)) => (kept.get(cx)?, Some(mount)),
            Target::Named(server, None) => {
                let server = server.clone();
                (Self::launch(cx, &mount, &server)?, Some(mount))
            }
        };
        Ok(Answer { file_system, path, mount: number, renewable })
    }

    fn launch<'f>(
        cx: &mut Cx<'f, Self>,
        mount: &str,
        server: &str,
    ) -> Result<Ref<'f, dyn FileSystem>, FileError> {
        let launcher = cx.req().launcher.or_absent()?;
        let launched = launcher.file_system(cx, server).map_err(|error| match error {
            LaunchError::System(error) => error.into(),
            LaunchError::Unknown => FileError::NotFound,
            // The log says more.
            _ => FileError::Device,
        })?;
        let kept = launched.keep()?;
        // During the call the mount may have gone, or another thread may have launched it as well.
        if let Some(Mounted { target: Target::Named(_, reference), .. }) = cx.mounts.get_mut(mount)
        {
            *reference = Some(kept);
        }
        Ok(launched)
    }

    fn forget(&mut self, mount: &str) {
        if let Some(Mounted { target: Target::Named(_, reference), .. }) =
            self.mounts.get_mut(mount)
        {
            *reference = None;
        }
    }
}

/// The mounts of the parameter `mounts`, and how many they are.
fn named(parameters: &Req<dyn Parameters>) -> Result<(Mounts<Mounted>, u64), StartError> {
    let read = |text: &str| mounts::parse(text).ok();
    let parsed = parameter(parameters, "mounts", read, "`mounts` is not `/path=server,…`")?;
    let mut mounts = Mounts::new();
    let mut made = 0;
    for (path, server) in parsed.unwrap_or_default() {
        made += 1;
        let mounted = Mounted { number: made, target: Target::Named(server, None) };
        let inserted = mounts.insert(path, mounted);
        inserted.map_err(|Taken| StartError::new("`mounts` has a path twice"))?;
    }
    Ok((mounts, made))
}

impl From<BadPath> for FileError {
    fn from(BadPath: BadPath) -> Self {
        FileError::BadName
    }
}

/// Names of what is mounted in a directory.
type Children = BTreeSet<String>;
