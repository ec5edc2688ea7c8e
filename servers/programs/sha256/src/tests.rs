//! What is shown of which files.

use warren::SystemError;
use warren_idl::StreamError;
use warren_program::testing::{self, world};

use super::Checksums;

#[track_caller]
fn check(files: &[(&str, &str)], arguments: &str, shown: &str, status: u8) {
    testing::check::<Checksums>("sha256", files, arguments, shown, status);
}

#[test]
fn the_form_is_that_of_sha256sum() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    check(&[("/e", "")], "/e", &format!("{empty}  /e\n"), 0);
    check(&[], "", &format!("{empty}  -\n"), 0);
    check(&[("/a\\b", "")], "/a\\b", &format!("\\{empty}  /a\\\\b\n"), 0);
}

#[test]
fn all_pieces_of_a_file_are_hashed() {
    let mut world = world(&[]);
    world.tree.add("/million", "a".repeat(1_000_000).as_bytes());
    let hash = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    assert_eq!(world.run::<Checksums>("sha256", "/million").0, format!("{hash}  /million\n"));
}

#[test]
fn half_a_file_has_no_hash() {
    let mut world = world(&[("/numbers", "1\n2\n")]);
    world.broken.push("/numbers".into());
    let shown = "sha256: /numbers: the disk failed\n";
    assert_eq!(world.run::<Checksums>("sha256", "/numbers"), (shown.into(), 1));
}

#[test]
fn half_an_input_has_no_hash() {
    let mut world = world(&[]).with_input("the first half");
    world.input_error = Some(StreamError::System(SystemError::Lost));
    let shown = "sha256: (input): the server died\n";
    assert_eq!(world.run::<Checksums>("sha256", ""), (shown.into(), 1));
}
