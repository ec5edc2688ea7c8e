//! What is shown of which files.

use warren_program::testing::{self, world};

use super::Searching;

const TREE: &[(&str, &str)] = &[
    ("/docs/a.txt", "alpha\nbeta\nAlpha\n"),
    ("/docs/b.txt", "beta beta\n\ngamma"),
    ("/docs/.hidden", "secret alpha\n"),
    ("/docs/sub/c.md", "# alpha\n"),
    ("/numbers", "10\n9\n-3\n9\nx\n"),
];

#[track_caller]
fn check(files: &[(&str, &str)], arguments: &str, shown: &str, status: u8) {
    testing::check::<Searching>("grep", files, arguments, shown, status);
}

#[test]
fn matching_lines_are_shown() {
    check(TREE, "alpha /docs/a.txt", "alpha\n", 0);
    check(TREE, "-i alpha /docs/a.txt", "alpha\nAlpha\n", 0);
    check(TREE, "-v beta /docs/a.txt", "alpha\nAlpha\n", 0);
    check(TREE, "-n beta /docs/a.txt", "2:beta\n", 0);
    check(TREE, "-c beta /docs/b.txt", "1\n", 0);
}

#[test]
fn regular_expressions_are_known() {
    check(TREE, "^[ab].*a$ /docs/a.txt", "alpha\nbeta\n", 0);
    check(TREE, "^$ /docs/b.txt", "\n", 0);
    check(TREE, r"(be|al)\w+\s /docs/b.txt", "beta beta\n", 0);
}

#[test]
fn several_files_are_named() {
    let shown = "/docs/a.txt:beta\n/docs/b.txt:beta beta\n";
    check(TREE, "beta /docs/a.txt /docs/b.txt", shown, 0);
    check(TREE, "-l beta /docs/a.txt /docs/b.txt", "/docs/a.txt\n/docs/b.txt\n", 0);
    check(TREE, "-c beta /docs/a.txt /docs/b.txt", "/docs/a.txt:1\n/docs/b.txt:1\n", 0);
}

#[test]
fn whole_directories_are_searched() {
    let shown = "/docs/.hidden:secret alpha\n/docs/a.txt:alpha\n/docs/sub/c.md:# alpha\n";
    check(TREE, "-r alpha /docs", shown, 0);
    let mut world = world(TREE).in_directory("/docs");
    assert_eq!(world.run::<Searching>("grep", "-rl alpha").0, "./.hidden\n./a.txt\n./sub/c.md\n");
}

#[test]
fn the_files_that_it_leaves_are_closed() {
    let mut world = world(TREE);
    world.run::<Searching>("grep", "-rl a /");
    assert_eq!(world.open_files(), 0);
}

#[test]
fn a_match_none_and_an_error_are_told_apart() {
    check(TREE, "none /docs/a.txt", "", 1);
    check(TREE, "alpha /none", "grep: /none: no such file or directory\n", 2);
    let mut world = world(TREE).with_input("alpha\n");
    let shown = "grep: /none: no such file or directory\n(input):alpha\n";
    assert_eq!(world.run::<Searching>("grep", "alpha /none -"), (shown.into(), 2));
}

#[test]
fn what_is_no_expression_is_refused() {
    let usage =
        "usage: grep [-i] [-n] [-v] [-c] [-l] [-r] EXPRESSION [FILE…]\n`help grep` says more\n";
    check(TREE, "( /docs/a.txt", &format!("grep: not a regular expression: (\n{usage}"), 2);
    let shown = format!("grep: not a regular expression: a{{1000}}{{1000}}\n{usage}");
    check(TREE, "a{1000}{1000} /docs/a.txt", &shown, 2);
    check(TREE, "-h x", &format!("grep: unknown option -h\n{usage}"), 2);
}

#[test]
fn bytes_that_are_no_text_are_searched() {
    let mut world = world(&[]);
    world.tree.add("/bytes", b"\xff\xfeneedle\x80\nother\n");
    assert_eq!(world.run::<Searching>("grep", "-c needle /bytes").0, "1\n");
    world.tree.add("/binary", b"needle\0\nneedle\n");
    let shown = "grep: /binary: binary file matches\n";
    assert_eq!(world.run::<Searching>("grep", "needle /binary").0, shown);
}
