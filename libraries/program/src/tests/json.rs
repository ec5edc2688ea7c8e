//! JSON for tools.

use serde::Serialize;

use crate::json;

#[derive(Serialize)]
struct Row {
    name: String,
    numbers: Vec<u64>,
}

#[test]
fn names_of_any_characters_are_json() {
    let row = Row { name: "a\"b\\c\u{1}\n\u{1b}[m\u{7f}\u{e4}".into(), numbers: Vec::from([7, 8]) };
    let expected = "{\"name\":\"a\\\"b\\\\c\\u0001\\n\\u001B[m\u{7f}\u{e4}\",\"numbers\":[7,8]}\n";
    assert_eq!(json::line(&row), expected);
}

#[test]
fn long_values_have_room_and_each_has_a_line() {
    let row = |count| Row { name: "n".repeat(count), numbers: Vec::new() };
    let lines = json::lines(&[row(1), row(5000), row(0)]);
    let lengths: Vec<usize> = lines.lines().map(str::len).collect();
    assert_eq!(lengths, [25, 5024, 24]);
}
