//! Paths as text. A path that is resolved is absolute and has no `.`, `..` or empty parts.

use alloc::string::String;
use alloc::vec::Vec;

/// Longest path that a walk follows: a directory that contains itself must not lead it on for ever.
pub const PATH_BYTES: usize = 4096;

/// The absolute path that `path` means in `directory`.
///
/// `..` is resolved by the text alone, so the parent of a symbolic link is the directory it lies in.
pub fn resolve(directory: &str, path: &str) -> String {
    let start = if path.starts_with('/') { "" } else { directory };
    let mut parts = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    let mut resolved = String::from("/");
    resolved.push_str(&parts.join("/"));
    resolved
}

/// The path of `name` in `directory`, with as much of a path as `directory` has.
pub fn join(directory: &str, name: &str) -> String {
    let mut path = String::from(directory);
    if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(name);
    path
}

/// The last part of a path, which is what `find -name` looks at.
pub fn last(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { path } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}
