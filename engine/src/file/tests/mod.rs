//! The checks of server files, each by an example that is right but for one thing.

use alloc::{string::ToString, vec::Vec};

use super::{FileError, ServerFile};

mod container;
mod description;
mod descriptor;
mod example;
mod hostile;
mod image;
mod imports;
mod relocations;
mod segments;

use example::Example;

/// The example after a change is refused with this error, and the error's message is not empty.
fn refused(change: impl FnOnce(&mut Example), error: FileError) {
    let mut example = Example::new();
    change(&mut example);
    let found = ServerFile::parse(&example.bytes()).unwrap_err();
    assert_eq!(*found, error);
    assert!(found.to_string().len() > 10);
}

/// The example after a change is accepted.
fn accepted(change: impl FnOnce(&mut Example)) -> ServerFile {
    let mut example = Example::new();
    change(&mut example);
    ServerFile::parse(&example.bytes()).unwrap()
}

/// The example is refused after a change of its bytes.
fn bytes_refused(change: impl FnOnce(&mut Vec<u8>), error: FileError) {
    let mut bytes = Example::new().bytes();
    change(&mut bytes);
    assert_eq!(ServerFile::parse(&bytes), Err(error.into()));
}
