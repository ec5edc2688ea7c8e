//! The table of mounts: which path is answered for by what.
//!
//! Pure, and open in what a mount is, so that it is tested with numbers in place of file systems.
//! All paths are normal ([`crate::path`]).

use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
    vec::Vec,
};

use super::path::{BadPath, below, normalise};

/// One mount: its path and what answers for it.
#[derive(Debug)]
struct Mount<T> {
    path: String,
    target: T,
}

/// The table, in the order of the paths.
#[derive(Debug)]
pub struct Mounts<T> {
    mounts: Vec<Mount<T>>,
}

/// Something is mounted at that very path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken;

impl<T> Mounts<T> {
    /// An empty table.
    pub fn new() -> Self {
        Mounts { mounts: Vec::new() }
    }

    /// Adds a mount.
    pub fn insert(&mut self, path: String, target: T) -> Result<(), Taken> {
        let place = self.place(&path).err().ok_or(Taken)?;
        self.mounts.insert(place, Mount { path, target });
        Ok(())
    }

    /// Takes a mount away; `None` if there is none at that very path.
    pub fn remove(&mut self, path: &str) -> Option<T> {
        let place = self.place(path).ok()?;
        Some(self.mounts.remove(place).target)
    }

    /// The mount at that very path.
    pub fn get_mut(&mut self, path: &str) -> Option<&mut T> {
        let place = self.place(path).ok()?;
        Some(&mut self.mounts[place].target)
    }

    /// Path of mount `index`.
    pub fn path(&self, index: usize) -> Option<&str> {
        self.mounts.get(index).map(|mount| mount.path.as_str())
    }

    /// The mount that answers for `path`: its own path, what it is, and the path within it.
    pub fn find<'a>(&self, path: &'a str) -> Option<(&str, &T, &'a str)> {
        let answers = |mount: &Mount<T>| below(path, &mount.path).is_some();
        let mount =
            self.mounts.iter().filter(|mount| answers(mount)).max_by_key(|m| m.path.len())?;
        Some((&mount.path, &mount.target, below(path, &mount.path)?))
    }

    /// Names of the directories that must be seen in directory `path`, because something is mounted
    /// there or further below.
    pub fn children(&self, path: &str) -> BTreeSet<String> {
        let inside = self.mounts.iter().filter_map(|mount| below(&mount.path, path));
        let names = inside.filter_map(|rest| rest[1..].split('/').next());
        names.filter(|name| !name.is_empty()).map(ToString::to_string).collect()
    }

    fn place(&self, path: &str) -> Result<usize, usize> {
        self.mounts.binary_search_by(|mount| mount.path.as_str().cmp(path))
    }
}

impl<T> Default for Mounts<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Decodes the parameter `mounts`: `path=server` parts with commas between them.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, BadPath> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (path, server) = part.split_once('=').ok_or(BadPath)?;
            Ok((normalise(path)?, server.to_string()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use proptest::prelude::*;

    use super::*;

    fn table(paths: &[&str]) -> Mounts<usize> {
        let mut mounts = Mounts::new();
        for (index, path) in paths.iter().enumerate() {
            mounts.insert(path.to_string(), index).unwrap();
        }
        mounts
    }

    #[test]
    fn the_longest_prefix_answers() {
        let mounts = table(&["/", "/a", "/a/b", "/ab"]);
        for (path, expected) in [
            ("/", (0, "/")),
            ("/x/y", (0, "/x/y")),
            ("/a", (1, "/")),
            ("/a/c", (1, "/c")),
            ("/a/b/c", (2, "/c")),
            ("/a/bc", (1, "/bc")),
            ("/abc", (0, "/abc")),
        ] {
            let (_, target, rest) = mounts.find(path).unwrap();
            assert_eq!((*target, rest), expected, "{path}");
        }
    }

    #[test]
    fn without_a_mount_at_the_root_a_path_may_have_no_answer() {
        assert!(table(&["/a"]).find("/b").is_none());
    }

    #[test]
    fn a_path_is_mounted_once() {
        let mut mounts = table(&["/a"]);
        assert_eq!(mounts.insert("/a".to_string(), 9), Err(Taken));
        assert_eq!(mounts.remove("/a"), Some(0));
        assert_eq!(mounts.remove("/a"), None);
        assert_eq!(mounts.insert("/a".to_string(), 9), Ok(()));
    }

    #[test]
    fn a_parent_shows_what_is_mounted_below_it() {
        let mounts = table(&["/", "/a", "/b/c/d", "/b/e"]);
        let names = |path| mounts.children(path).into_iter().collect::<Vec<String>>();
        assert_eq!(names("/"), ["a", "b"]);
        assert_eq!(names("/b"), ["c", "e"]);
        assert_eq!(names("/b/c"), ["d"]);
        assert!(names("/a").is_empty());
        assert!(names("/b/c/d").is_empty());
    }

    #[test]
    fn the_parameter_names_a_server_for_each_path() {
        let parsed = parse("/docs=docs-fs, //ram/=ram-fs,").unwrap();
        let expected = [("/docs", "docs-fs"), ("/ram", "ram-fs")];
        assert!(parsed.iter().map(|(a, b)| (a.as_str(), b.as_str())).eq(expected));
        assert!(parse("").unwrap().is_empty());
        assert_eq!(parse("/docs"), Err(BadPath));
        assert_eq!(parse("docs=fs"), Err(BadPath));
    }

    proptest! {
        #[test]
        fn the_answer_is_the_longest_of_all_prefixes(
            paths in prop::collection::btree_set("(/[ab]){1,4}", 1..6),
            asked in "(/[ab]){1,5}",
        ) {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            let mounts = table(&paths);
            let slashed = asked.clone() + "/";
            let longest = (0..paths.len())
                .filter(|index| slashed.starts_with(&(paths[*index].to_string() + "/")))
                .max_by_key(|index| paths[*index].len());
            prop_assert_eq!(mounts.find(&asked).map(|found| *found.1), longest);
        }
    }
}
