//! What is shown of which files.

use warren_program::testing::{self, world};

use super::Listing;

const TREE: &[(&str, &str)] = &[
    ("/docs/a.txt", "alpha\nbeta\nAlpha\n"),
    ("/docs/b.txt", "beta beta\n\ngamma"),
    ("/docs/.hidden", "secret alpha\n"),
    ("/docs/sub/c.md", "# alpha\n"),
    ("/numbers", "10\n9\n-3\n9\nx\n"),
];

#[track_caller]
fn check(files: &[(&str, &str)], arguments: &str, shown: &str, status: u8) {
    testing::check::<Listing>("ls", files, arguments, shown, status);
}

#[test]
fn names_are_listed_in_order_without_dotted_ones() {
    check(TREE, "/docs", "a.txt\nb.txt\nsub\n", 0);
    check(TREE, "-a /docs", ".hidden\na.txt\nb.txt\nsub\n", 0);
    let mut world = world(TREE).in_directory("/docs/sub");
    assert_eq!(world.run::<Listing>("ls", "").0, "c.md\n");
}

#[test]
fn mode_size_and_time_are_shown() {
    let shown = "-rw-r--r--         17 2001-09-09 01:46 a.txt\n\
                 -rw-r--r--         16 2001-09-09 01:46 b.txt\n\
                 drwxr-xr-x       4096 2001-09-09 01:46 sub\n";
    check(TREE, "-l /docs", shown, 0);
}

#[test]
fn files_are_shown_before_directories_with_titles() {
    let shown = "/numbers\n\n/docs:\na.txt\nb.txt\nsub\n\n/docs/sub:\nc.md\n";
    check(TREE, "/docs /numbers /docs/sub", shown, 0);
}

#[test]
fn what_is_not_there_is_said() {
    check(TREE, "/x", "ls: /x: no such file or directory\n", 1);
}
