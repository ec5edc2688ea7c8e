//! JSON for tools: a value in each line.

use alloc::{string::String, vec};
use core::fmt::Display;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json_core::ser::Error;
use warren_idl::{Shown, ShownValue};

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

/// Structures of services, each in a line of its own.
pub fn shown<T: Shown>(structures: &[T]) -> String {
    #[derive(Serialize)]
    struct Line<'a, T: Shown>(#[serde(serialize_with = "fields")] &'a T);
    structures.iter().map(|structure| line(&Line(structure))).collect()
}

/// A structure of a service: an object, or a part of one.
///
/// # Errors
///
/// Those of `serializer`.
pub fn fields<T: Shown, S: Serializer>(structure: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (name, value) in structure.fields() {
        match value {
            ShownValue::Number(number) => map.serialize_entry(name, &number)?,
            ShownValue::Station(address) => map.serialize_entry(name, &Text(address))?,
        }
    }
    map.end()
}

/// Something as the text that it is shown as.
struct Text<T>(T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
