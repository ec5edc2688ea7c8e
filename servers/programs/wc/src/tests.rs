//! What is shown of which files.

use warren_program::testing::{self, world};

use super::Counting;

const TREE: &[(&str, &str)] = &[
    ("/docs/a.txt", "alpha\nbeta\nAlpha\n"),
    ("/docs/b.txt", "beta beta\n\ngamma"),
    ("/docs/.hidden", "secret alpha\n"),
    ("/docs/sub/c.md", "# alpha\n"),
    ("/numbers", "10\n9\n-3\n9\nx\n"),
];

#[track_caller]
fn check(files: &[(&str, &str)], arguments: &str, shown: &str, status: u8) {
    testing::check::<Counting>("wc", files, arguments, shown, status);
}

#[test]
fn lines_words_and_bytes_are_counted() {
    check(TREE, "/docs/b.txt", "      2       3      16 /docs/b.txt\n", 0);
}

#[test]
fn a_script_gets_one_bare_number() {
    assert_eq!(world(&[]).with_input("a b\nc").run::<Counting>("wc", "-w").0, "3\n");
    check(TREE, "-c /docs/b.txt", "16 /docs/b.txt\n", 0);
}

#[test]
fn several_files_are_added_up() {
    let shown = "      3 /docs/a.txt\n      2 /docs/b.txt\n      5 total\n";
    check(TREE, "-l /docs/a.txt /docs/b.txt", shown, 0);
}

#[test]
fn a_word_across_pieces_is_counted_once() {
    let mut world = world(&[]);
    world.tree.add("/word", "x".repeat(100_000).as_bytes());
    assert_eq!(world.run::<Counting>("wc", "-w /word").0, "1 /word\n");
}
