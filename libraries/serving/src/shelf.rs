//! Files that stay open for a while after they were served: who asks for a document often opens it once.
//!
//! # What is believed
//!
//! Nothing that is older than the request: each asks what its path names, and gets a file from here only if that is still what the path named when the file was
//! opened, down to the file's number and its mount's. So whoever changes a file, puts another one in its place, or mounts something over it, is seen by the next request.
//!
//! # Why not for good
//!
//! A file that is open keeps its file system's server alive, also after somebody has unmounted it. So what nobody asked for
//! during [`KEPT_NS`] is closed, and there are [`MOST`] at once.
//!
//! # Who closes
//!
//! A file is closed in the scope of whoever gives up the last reference. So what leaves the shelf is handed out.

use alloc::{collections::VecDeque, string::String};

use warren_idl::FileStatus;

/// Most files.
pub const MOST: usize = 32;
/// How long one stays that nobody asks for.
pub const KEPT_NS: u64 = 1_000_000_000;

/// Open files by their paths, the one that was used last in front.
pub struct Shelf<F> {
    places: VecDeque<Place<F>>,
}

struct Place<F> {
    path: String,
    status: FileStatus,
    file: F,
    used_ns: u64,
}

impl<F> Default for Shelf<F> {
    fn default() -> Self {
        Shelf { places: VecDeque::new() }
    }
}

impl<F: Clone> Shelf<F> {
    /// The file that was opened by this path, if it is what the path names still.
    pub fn find(&mut self, path: &str, status: &FileStatus, now_ns: u64) -> Option<F> {
        let is_it = |place: &Place<F>| place.status == *status && place.path == path;
        let at = self.places.iter().position(is_it)?;
        if at > 0 {
            let place = self.places.remove(at)?;
            self.places.push_front(place);
        }
        let place = self.places.front_mut()?;
        place.used_ns = now_ns;
        Some(place.file.clone())
    }

    /// Puts a file there; what has to leave for it.
    pub fn put(&mut self, path: String, status: FileStatus, file: F, now_ns: u64) -> Option<F> {
        let left = self.take(&path).or_else(|| {
            let is_full = self.places.len() == MOST;
            self.places.pop_back_if(|_| is_full).map(|place| place.file)
        });
        self.places.push_front(Place { path, status, file, used_ns: now_ns });
        left
    }

    /// Takes the file of a path away.
    pub fn take(&mut self, path: &str) -> Option<F> {
        let at = self.places.iter().position(|place| place.path == path)?;
        self.places.remove(at).map(|place| place.file)
    }

    /// When the first file has to leave, if nobody asks for it.
    pub fn next_ns(&self) -> Option<u64> {
        self.places.back().map(|place| place.used_ns.saturating_add(KEPT_NS))
    }

    /// A file that has to leave by now.
    pub fn overdue(&mut self, now_ns: u64) -> Option<F> {
        let is_overdue = self.next_ns().is_some_and(|next_ns| next_ns <= now_ns);
        self.places.pop_back_if(|_| is_overdue).map(|place| place.file)
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    fn status(bytes: u64) -> FileStatus {
        FileStatus { bytes, modified: 7, kind: FileStatus::FILE, ..FileStatus::default() }
    }

    fn put(shelf: &mut Shelf<u32>, path: &str, file: u32, now_ns: u64) -> Option<u32> {
        shelf.put(path.into(), status(1), file, now_ns)
    }

    fn find(shelf: &mut Shelf<u32>, path: &str, now_ns: u64) -> Option<u32> {
        shelf.find(path, &status(1), now_ns)
    }

    #[test]
    fn only_what_is_still_the_same_is_found() {
        let mut shelf = Shelf::default();
        put(&mut shelf, "/a", 1, 0);
        assert_eq!((find(&mut shelf, "/a", 0), find(&mut shelf, "/b", 0)), (Some(1), None));
        assert!(shelf.find("/a", &status(2), 0).is_none(), "it is longer");
        let later = FileStatus { modified: 8, ..status(1) };
        assert!(shelf.find("/a", &later, 0).is_none(), "it was changed");
        let other = FileStatus { number: 9, ..status(1) };
        assert!(shelf.find("/a", &other, 0).is_none(), "another one has its name");
        let above = FileStatus { mount: 1, ..status(1) };
        assert!(shelf.find("/a", &above, 0).is_none(), "something was mounted there");
    }

    #[test]
    fn a_path_has_one_file() {
        let mut shelf = Shelf::default();
        assert_eq!(put(&mut shelf, "/a", 1, 0), None);
        assert_eq!(put(&mut shelf, "/a", 2, 0), Some(1));
        assert_eq!((find(&mut shelf, "/a", 0), shelf.take("/a")), (Some(2), Some(2)));
        assert_eq!((find(&mut shelf, "/a", 0), shelf.take("/a")), (None, None));
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut shelf = Shelf::default();
        for file in 0..MOST as u32 {
            assert_eq!(put(&mut shelf, &format!("/{file}"), file, 0), None);
        }
        assert_eq!(find(&mut shelf, "/0", 0), Some(0));
        assert_eq!(put(&mut shelf, "/more", 99, 0), Some(1));
        assert_eq!((find(&mut shelf, "/0", 0), find(&mut shelf, "/1", 0)), (Some(0), None));
    }

    #[test]
    fn what_nobody_asks_for_leaves() {
        let mut shelf = Shelf::default();
        assert_eq!(shelf.next_ns(), None);
        put(&mut shelf, "/a", 1, 0);
        put(&mut shelf, "/b", 2, 10);
        assert_eq!(find(&mut shelf, "/a", 20), Some(1));
        assert_eq!((shelf.next_ns(), shelf.overdue(KEPT_NS + 9)), (Some(KEPT_NS + 10), None));
        assert_eq!(shelf.overdue(KEPT_NS + 10), Some(2));
        assert_eq!((shelf.overdue(KEPT_NS + 10), shelf.next_ns()), (None, Some(KEPT_NS + 20)));
    }
}
