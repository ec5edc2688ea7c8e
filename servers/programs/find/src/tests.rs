//! What is shown of which files.

use warren_program::testing::{self, world};

use super::Finding;

const TREE: &[(&str, &str)] = &[
    ("/docs/a.txt", "alpha\nbeta\nAlpha\n"),
    ("/docs/b.txt", "beta beta\n\ngamma"),
    ("/docs/.hidden", "secret alpha\n"),
    ("/docs/sub/c.md", "# alpha\n"),
    ("/numbers", "10\n9\n-3\n9\nx\n"),
];

#[track_caller]
fn check(files: &[(&str, &str)], arguments: &str, shown: &str, status: u8) {
    testing::check::<Finding>("find", files, arguments, shown, status);
}

#[test]
fn a_tree_is_listed_in_order() {
    let shown = "/docs\n/docs/.hidden\n/docs/a.txt\n/docs/b.txt\n/docs/sub\n/docs/sub/c.md\n";
    check(TREE, "/docs", shown, 0);
    let mut world = world(TREE).in_directory("/docs/sub");
    assert_eq!(world.run::<Finding>("find", "").0, ".\n./c.md\n");
}

#[test]
fn name_and_type_select() {
    check(TREE, "/docs -name *.txt", "/docs/a.txt\n/docs/b.txt\n", 0);
    check(TREE, "/ -type d", "/\n/docs\n/docs/sub\n", 0);
    check(TREE, "/ -type f -name c*", "/docs/sub/c.md\n", 0);
}

#[test]
fn it_goes_on_after_what_is_not_there() {
    check(TREE, "/none /numbers", "find: /none: no such file or directory\n/numbers\n", 1);
}

#[test]
fn links_are_not_followed() {
    let mut world = world(TREE);
    world.tree.links.push("/docs/a.txt".into());
    assert_eq!(world.run::<Finding>("find", "/ -type l").0, "/docs/a.txt\n");
}

#[test]
fn unknown_tests_are_refused() {
    let usage = "usage: find [PATH…] [-name PATTERN] [-type f|d|l]\n`help find` says more\n";
    check(TREE, "/ -size 3", &format!("find: unknown test -size\n{usage}"), 2);
    check(TREE, "/ -type x", &format!("find: unknown type x\n{usage}"), 2);
    check(TREE, "/ -name", &format!("find: -name needs a value\n{usage}"), 2);
}
