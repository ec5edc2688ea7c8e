//! JSON for tools: a value in each line.

use alloc::{string::String, vec};

use serde::Serialize;
use serde_json_core::ser::Error;

/// Bytes that there is room for at first.
const USUAL_BYTES: usize = 256;

/// A value, in a line of its own. Its keys are texts, as those of structures are: there is no other JSON, and no end of looking for room for it.
pub fn line<T: Serialize + ?Sized>(value: &T) -> String {
    let mut bytes = vec![0; USUAL_BYTES];
    let length = loop {
        match serde_json_core::to_slice(value, &mut bytes) {
            Err(Error::BufferFull) => bytes.resize(bytes.len() * 2, 0),
            written => break written.unwrap_or(0),
        }
    };
    bytes.truncate(length);
    bytes.push(b'\n');
    String::from_utf8(bytes).unwrap_or_default()
}

/// Values, each in a line of its own.
pub fn lines<T: Serialize>(values: &[T]) -> String {
    values.iter().map(line).collect()
}
