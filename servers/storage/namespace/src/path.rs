//! Paths: one spelling for each, so that prefixes can be compared.
//!
//! A normal path starts with `/`, has no empty, `.` or `..` component and no `/` at its end; the root is
//! `/` itself. `..` is taken lexically, before any file system sees the path: it leads to the
//! component before, also where that is a symbolic link. So a path cannot leave a mounted file system
//! by a way that the table of mounts does not see.

use alloc::string::String;

/// Longest path, in bytes.
pub const LONGEST_PATH: usize = 4096;

/// The path does not start with `/`, is too long, or holds a zero byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPath;

/// The normal spelling of a path.
pub fn normalise(path: &str) -> Result<String, BadPath> {
    if !path.starts_with('/') || path.len() > LONGEST_PATH || path.contains('\0') {
        return Err(BadPath);
    }
    let has_more = path.as_bytes().windows(2).any(|pair| matches!(pair, b"//" | b"/."));
    if !has_more && (path.len() == 1 || !path.ends_with('/')) {
        return Ok(path.into());
    }
    let mut normal = String::with_capacity(path.len());
    for component in path.split('/') {
        match component {
            "" | "." => (),
            ".." => normal.truncate(normal.rfind('/').unwrap_or(0)),
            name => {
                normal.push('/');
                normal.push_str(name);
            }
        }
    }
    if normal.is_empty() {
        normal.push('/');
    }
    Ok(normal)
}

/// What is left of a normal path below the normal path `top`, as a normal path; `None` if it does not
/// lie there. Whole components count: `/ab` does not lie below `/a`.
pub fn below<'a>(path: &'a str, top: &str) -> Option<&'a str> {
    match path.strip_prefix(top)? {
        "" => Some("/"),
        _ if top == "/" => Some(path),
        rest => rest.starts_with('/').then_some(rest),
    }
}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_has_one_normal_spelling() {
        for (path, normal) in [
            ("/", "/"),
            ("//", "/"),
            ("/a/b", "/a/b"),
            ("/a//b/", "/a/b"),
            ("/./a/./b/.", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/../..", "/"),
            ("/../../a", "/a"),
            ("/a/..b/...", "/a/..b/..."),
        ] {
            assert_eq!(normalise(path).as_deref(), Ok(normal), "{path}");
        }
    }

    #[test]
    fn a_relative_overlong_or_binary_path_is_refused() {
        let long = "/a".repeat(LONGEST_PATH);
        for path in ["", "a", "./a", "../a", "/a\0b", &long] {
            assert_eq!(normalise(path), Err(BadPath), "{path}");
        }
    }

    #[test]
    fn only_whole_components_are_below() {
        assert_eq!(below("/a/b", "/a"), Some("/b"));
        assert_eq!(below("/a", "/a"), Some("/"));
        assert_eq!(below("/ab", "/a"), None);
        assert_eq!(below("/a", "/a/b"), None);
        assert_eq!(below("/a/b", "/"), Some("/a/b"));
        assert_eq!(below("/", "/"), Some("/"));
    }

    proptest! {
        #[test]
        fn a_normal_path_stays_as_it_is(path in "(/|[ab.é]){0,40}") {
            if let Ok(normal) = normalise(&path) {
                prop_assert_eq!(normalise(&normal), Ok(normal));
            }
        }

        #[test]
        fn a_normal_path_has_only_names_in_it(path in "/(/|[ab.]){0,40}") {
            let normal = normalise(&path).unwrap();
            let names: Vec<_> = normal[1..].split('/').collect();
            let bad = |name: &&str| name.is_empty() || *name == "." || *name == "..";
            prop_assert!(normal == "/" || !names.iter().any(bad));
        }

        #[test]
        fn what_is_below_joins_to_the_whole(top in "(/[ab]){0,3}", rest in "(/[ab]){0,3}") {
            let top = normalise(&(top + "/")).unwrap();
            let whole = normalise(&(top.clone() + "/" + &rest)).unwrap();
            let found = below(&whole, &top).map(ToString::to_string);
            prop_assert_eq!(found, normalise(&(rest + "/")).ok());
        }
    }
}
