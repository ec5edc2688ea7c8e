//! What is shown of which files.

use warren_program::testing::{self, world};

use super::Copying;

const TREE: &[(&str, &str)] = &[
    ("/docs/a.txt", "alpha\nbeta\nAlpha\n"),
    ("/docs/b.txt", "beta beta\n\ngamma"),
    ("/docs/.hidden", "secret alpha\n"),
    ("/docs/sub/c.md", "# alpha\n"),
    ("/numbers", "10\n9\n-3\n9\nx\n"),
];

#[track_caller]
fn check(files: &[(&str, &str)], arguments: &str, shown: &str, status: u8) {
    testing::check::<Copying>("cat", files, arguments, shown, status);
}

#[test]
fn files_are_joined() {
    check(TREE, "/docs/b.txt /docs/sub/c.md", "beta beta\n\ngamma# alpha\n", 0);
}

#[test]
fn it_goes_on_after_what_it_cannot_open() {
    let shown =
        "cat: /none: no such file or directory\ncat: /docs: the path names a directory\n# alpha\n";
    check(TREE, "/none /docs /docs/sub/c.md", shown, 1);
}

#[test]
fn output_and_complaints_keep_their_order() {
    let shown = "# alpha\ncat: /none: no such file or directory\n# alpha\n";
    check(TREE, "/docs/sub/c.md /none /docs/sub/c.md", shown, 1);
}

#[test]
fn relative_paths_start_from_the_directory() {
    let mut world = world(TREE).in_directory("/docs");
    assert_eq!(
        world.run::<Copying>("cat", "sub/c.md ../docs/sub/../sub/c.md").0,
        "# alpha\n# alpha\n"
    );
}

#[test]
fn without_a_file_the_input_is_shown() {
    let mut world = world(TREE).with_input("not a file");
    assert_eq!(world.run::<Copying>("cat", ""), ("not a file".into(), 0));
}

#[test]
fn a_disk_error_in_the_middle_is_a_status() {
    let mut world = world(TREE);
    world.broken.push("/docs/a.txt".into());
    let shown = "cat: /docs/a.txt: the disk failed\n";
    assert_eq!(world.run::<Copying>("cat", "/docs/a.txt"), (shown.into(), 1));
    assert_eq!(world.open_files(), 0);
}

#[test]
fn a_dead_file_system_is_a_status() {
    let mut world = world(TREE);
    world.tree.lost.push("/docs/a.txt".into());
    let shown = "cat: /docs/a.txt: the server died\n# alpha\n";
    assert_eq!(world.run::<Copying>("cat", "/docs/a.txt /docs/sub/c.md"), (shown.into(), 1));
}
