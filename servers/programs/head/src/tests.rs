//! What is shown of which files.

use warren_program::testing::{self, world};

use super::Beginning;

const TREE: &[(&str, &str)] = &[
    ("/docs/a.txt", "alpha\nbeta\nAlpha\n"),
    ("/docs/b.txt", "beta beta\n\ngamma"),
    ("/docs/.hidden", "secret alpha\n"),
    ("/docs/sub/c.md", "# alpha\n"),
    ("/numbers", "10\n9\n-3\n9\nx\n"),
];

#[track_caller]
fn check(files: &[(&str, &str)], arguments: &str, shown: &str, status: u8) {
    testing::check::<Beginning>("head", files, arguments, shown, status);
}

#[test]
fn ten_lines_are_shown_or_as_many_as_told() {
    let mut world = world(&[]);
    world.tree.add("/long", "line\n".repeat(30).as_bytes());
    assert_eq!(world.run::<Beginning>("head", "/long").0, "line\n".repeat(10));
    assert_eq!(world.run::<Beginning>("head", "-n 2 /long").0, "line\n".repeat(2));
    assert_eq!(world.run::<Beginning>("head", "-n0 /long").0, "");
}

#[test]
fn several_files_have_titles() {
    let shown = "==> /docs/a.txt <==\nalpha\n\n==> /docs/sub/c.md <==\n# alpha\n";
    check(TREE, "-n 1 /docs/a.txt /docs/sub/c.md", shown, 0);
}

#[test]
fn no_more_is_read_than_is_needed() {
    let mut world = world(&[]).with_input("x\n".repeat(1_000_000));
    assert_eq!(world.run::<Beginning>("head", "-n 1"), ("x\n".into(), 0));
    assert!(world.bytes_read <= 16 * 1024, "{} bytes were read", world.bytes_read);
}

#[test]
fn a_file_is_closed_before_its_end() {
    let mut world = world(&[]);
    world.tree.add("/big", "x\n".repeat(100_000).as_bytes());
    world.run::<Beginning>("head", "-n 1 /big");
    assert_eq!(world.open_files(), 0);
}
