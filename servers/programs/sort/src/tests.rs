//! What is shown of which files.

use warren_program::testing::{self, world};

use super::Sorting;

const TREE: &[(&str, &str)] = &[
    ("/docs/a.txt", "alpha\nbeta\nAlpha\n"),
    ("/docs/b.txt", "beta beta\n\ngamma"),
    ("/docs/.hidden", "secret alpha\n"),
    ("/docs/sub/c.md", "# alpha\n"),
    ("/numbers", "10\n9\n-3\n9\nx\n"),
];

#[track_caller]
fn check(files: &[(&str, &str)], arguments: &str, shown: &str, status: u8) {
    testing::check::<Sorting>("sort", files, arguments, shown, status);
}

#[test]
fn lines_and_numbers_are_ordered() {
    check(TREE, "/numbers", "-3\n10\n9\n9\nx\n", 0);
    check(TREE, "-n /numbers", "-3\nx\n9\n9\n10\n", 0);
    check(TREE, "-nr /numbers", "10\n9\n9\nx\n-3\n", 0);
    check(TREE, "-u /numbers", "-3\n10\n9\nx\n", 0);
}

#[test]
fn there_is_a_limit() {
    let mut world = world(&[]);
    world.tree.add("/big", "some line\n".repeat(2_000_000).as_bytes());
    let shown = "sort: the input is too large\n";
    assert_eq!(world.run::<Sorting>("sort", "/big"), (shown.into(), 2));
}
