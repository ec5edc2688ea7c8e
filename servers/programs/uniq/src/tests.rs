//! What is shown of which files.

use warren_program::testing::{self, world};

use super::Merging;

#[track_caller]
fn check(files: &[(&str, &str)], arguments: &str, shown: &str, status: u8) {
    testing::check::<Merging>("uniq", files, arguments, shown, status);
}

#[test]
fn equal_neighbours_are_joined() {
    let lines = &[("/l", "a\na\nb\na\n")];
    check(lines, "/l", "a\nb\na\n", 0);
    check(lines, "-c /l", "      2 a\n      1 b\n      1 a\n", 0);
    check(lines, "-d /l", "a\n", 0);
}

#[test]
fn lines_that_do_not_repeat_are_shown_alone() {
    let mut world = world(&[]).with_input("a\na\na\nb\n");
    assert_eq!(world.run::<Merging>("uniq", "-u").0, "b\n");
}
