//! The editor on a model of a screen, and the script.

use proptest::prelude::*;
use unicode_width::UnicodeWidthChar;
use vte::{Params, Parser, Perform};

use crate::ahead::{AHEAD_BYTES, Ahead};
use crate::editor::{Editor, Event, LINE_CHARACTERS};
use crate::history::LINES;
use crate::keys::{Key, Keys};
use crate::script::{LINE_BYTES, Script, ScriptLine};

const LEFT: &str = "\x1b[D";
const RIGHT: &str = "\x1b[C";
const WORD_LEFT: &str = "\x1b[1;5D";
const WORD_RIGHT: &str = "\x1bf";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1bOB";
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[4~";
const DELETE: &str = "\x1b[3~";

/// One row of a screen: a character for each column, and a blank after a wide one.
#[derive(Default)]
struct Screen {
    row: Vec<char>,
    column: usize,
}

impl Screen {
    fn show(&mut self, text: &str) {
        Parser::new().advance(self, text.as_bytes());
    }

    fn text(&self) -> String {
        self.row.iter().filter(|c| **c != '\0').collect::<String>().trim_end().into()
    }
}

impl Perform for Screen {
    fn print(&mut self, c: char) {
        let width = c.width().unwrap();
        self.row.resize(self.row.len().max(self.column + width), ' ');
        for offset in 0..width {
            self.row[self.column + offset] = if offset == 0 { c } else { '\0' };
        }
        self.column += width;
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            b'\n' => *self = Screen { column: self.column, ..Screen::default() },
            7 => {}
            other => panic!("control character {other}"),
        }
    }

    fn csi_dispatch(&mut self, parameters: &Params, _: &[u8], _: bool, action: char) {
        let first = parameters.iter().next().map_or(0, |it| it[0]);
        match (action, first) {
            ('K', 0) => self.row.truncate(self.column),
            ('D', count) => self.column -= usize::from(count.max(1)),
            ('H', 0) => self.column = 0,
            ('J', 2) => self.row.clear(),
            other => panic!("sequence {other:?}"),
        }
    }
}

/// An editor with its screen.
struct Typed {
    editor: Editor,
    screen: Screen,
}

impl Typed {
    fn new(prompt: &str) -> Self {
        Self::on(80, prompt)
    }

    fn on(columns: usize, prompt: &str) -> Self {
        let mut typed = Typed { editor: Editor::new(columns), screen: Screen::default() };
        typed.begin(prompt);
        typed
    }

    fn begin(&mut self, prompt: &str) {
        self.editor.begin(prompt);
        self.screen.show(&self.editor.take_output());
    }

    fn press(&mut self, keys: &str) -> Option<Event> {
        for byte in keys.bytes() {
            let event = self.editor.feed(byte);
            self.screen.show(&self.editor.take_output());
            if event.is_some() {
                return event;
            }
        }
        None
    }

    fn enter(&mut self, prompt: &str, keys: &str) {
        self.begin(prompt);
        assert!(matches!(self.press(&format!("{keys}\r")), Some(Event::Line(_))));
    }
}

/// The line that these keys make.
#[track_caller]
fn check(keys: &[&str], line: &str) {
    let event = Typed::new("$ ").press(&format!("{}\r", keys.concat()));
    assert_eq!(event, Some(Event::Line(line.into())), "{keys:?}");
}

/// What the row shows after these keys, with `|` for the cursor.
#[track_caller]
fn check_shown(columns: usize, keys: &[&str], shown: &str) {
    let mut typed = Typed::on(columns, "$ ");
    assert_eq!(typed.press(&keys.concat()), None);
    let mut row = typed.screen.row.clone();
    row.resize(row.len().max(typed.screen.column), ' ');
    row.insert(typed.screen.column, '|');
    let text: String = row.iter().filter(|c| **c != '\0').collect();
    assert_eq!(text, shown, "{keys:?}");
}

#[test]
fn typed_characters_make_the_line() {
    check(&["echo hello"], "echo hello");
    check(&["größe 日本 e\u{301}"], "größe 日本 e\u{301}");
}

#[test]
fn characters_are_inserted_at_the_cursor() {
    check(&["ac", LEFT, "b"], "abc");
    check(&["bc", HOME, "a", END, "d"], "abcd");
    check(&["bc\x01a\x05d"], "abcd");
    check(&["ab", LEFT, LEFT, LEFT, RIGHT, "-"], "a-b");
}

#[test]
fn backspace_and_delete_take_one_character() {
    check(&["abc\x7f"], "ab");
    check(&["abc\x08"], "ab");
    check(&["abc", LEFT, LEFT, DELETE], "ac");
    check(&["abc", HOME, "\x04"], "bc");
    check(&["a日\x7f"], "a");
    check(&["ae\u{301}\x7f"], "a");
}

#[test]
fn parts_of_the_line_are_deleted() {
    check(&["one two", LEFT, LEFT, LEFT, "\x0b"], "one ");
    check(&["one two", LEFT, LEFT, LEFT, "\x15"], "two");
    check(&["one two  \x17"], "one ");
    check(&["one two", HOME, "\x1bd"], " two");
}

#[test]
fn the_cursor_moves_by_words() {
    check(&["one two", WORD_LEFT, "x"], "one xtwo");
    check(&["one two", WORD_LEFT, WORD_LEFT, WORD_RIGHT, "x"], "onex two");
    check(&["one two", "\x1bb\x1bb", "\x1b[1;3C", "x"], "onex two");
}

#[test]
fn carriage_return_and_line_feed_are_one_enter() {
    let mut typed = Typed::new("$ ");
    assert_eq!(typed.press("a\r"), Some(Event::Line("a".into())));
    typed.begin("$ ");
    assert_eq!(typed.press("\nb\n"), Some(Event::Line("b".into())));
    typed.begin("$ ");
    assert_eq!(typed.press("\n"), Some(Event::Line(String::new())));
}

#[test]
fn control_c_cancels_the_line() {
    assert_eq!(Typed::new("$ ").press("abc\x03"), Some(Event::Cancelled));
}

#[test]
fn control_d_ends_the_input_on_an_empty_line_only() {
    assert_eq!(Typed::new("$ ").press("\x04"), Some(Event::Ended));
    assert_eq!(Typed::new("$ ").press("a\x04"), None);
}

#[test]
fn the_history_is_walked_up_and_down() {
    let mut typed = Typed::new("$ ");
    typed.enter("$ ", "first");
    typed.enter("$ ", "second");
    typed.begin("$ ");
    typed.press(&["typed", UP, UP, UP].concat());
    assert_eq!(typed.screen.text(), "$ first");
    typed.press(DOWN);
    assert_eq!(typed.screen.text(), "$ second");
    typed.press(&[DOWN, DOWN].concat());
    assert_eq!(typed.screen.text(), "$ typed");
}

#[test]
fn the_history_leaves_out_repetitions_and_answers() {
    let mut typed = Typed::new("$ ");
    for line in ["one", "two", "two", ""] {
        typed.enter("$ ", line);
    }
    typed.enter("", "input of a command");
    typed.begin("$ ");
    typed.press(UP);
    assert_eq!(typed.screen.text(), "$ two");
    typed.press(UP);
    assert_eq!(typed.screen.text(), "$ one");
}

#[test]
fn the_history_has_a_limit() {
    let mut typed = Typed::new("$ ");
    for number in 0..LINES + 5 {
        typed.enter("$ ", &format!("line {number}"));
    }
    typed.begin("$ ");
    typed.press(&UP.repeat(LINES + 5));
    assert_eq!(typed.screen.text(), "$ line 5");
}

#[test]
fn a_line_is_shown_with_its_cursor() {
    check_shown(80, &["abc"], "$ abc|");
    check_shown(80, &["abc", LEFT], "$ ab|c");
    check_shown(80, &["日本", LEFT], "$ 日|本");
}

#[test]
fn a_long_line_is_shown_around_the_cursor() {
    check_shown(12, &["0123456789abc"], "$ 456789abc|");
    check_shown(12, &["0123456789abc", HOME], "$ |012345678");
    check_shown(12, &["0123456789abc", HOME, RIGHT, RIGHT], "$ 01|2345678");
}

#[test]
fn a_line_starts_in_a_row_of_its_own() {
    let mut editor = Editor::new(80);
    editor.wrote(b"no line feed");
    editor.wrote(b"");
    editor.begin("$ ");
    assert!(editor.take_output().starts_with("\r\n"));
    editor.wrote(b"done\n");
    editor.begin("$ ");
    assert!(!editor.take_output().contains('\n'));
}

#[test]
fn a_long_prompt_is_shown_in_part() {
    let mut typed = Typed::on(20, "warren:/some/where/deep$ ");
    typed.press("ls");
    assert_eq!(typed.screen.text(), "…ere/deep$ ls");
}

#[test]
fn clearing_the_screen_keeps_the_line() {
    check_shown(80, &["abc", LEFT, "\x0c"], "$ ab|c");
}

#[test]
fn a_character_at_the_end_costs_only_itself() {
    let mut editor = Editor::new(80);
    editor.begin("$ ");
    editor.take_output();
    editor.feed(b'x');
    assert_eq!(editor.take_output(), "x");
}

#[test]
fn a_line_has_a_limit() {
    let line = "x".repeat(LINE_CHARACTERS);
    check(&[&line, "y"], &line);
}

#[test]
fn a_prompt_cannot_send_sequences() {
    let mut editor = Editor::new(80);
    editor.begin("\x1b[2Jp");
    assert!(!editor.take_output().contains("\x1b[2J"));
}

#[test]
fn unknown_sequences_are_no_keys() {
    let mut keys = Keys::default();
    let pressed: Vec<Key> = b"\x1b[99~\x1b[?1h\x1b[1;2;3;4!C\x1bZ\x1bOQ\x1b[12\x18a"
        .iter()
        .filter_map(|byte| keys.feed(*byte))
        .collect();
    assert_eq!(pressed, [Key::Character('a')]);
}

#[test]
fn a_control_character_ends_a_sequence() {
    let mut keys = Keys::default();
    let pressed: Vec<Key> = b"\x1b[1\x03".iter().filter_map(|byte| keys.feed(*byte)).collect();
    assert_eq!(pressed, [Key::Cancel]);
}

#[test]
fn bytes_that_are_no_text_take_nothing_else_away() {
    let mut keys = Keys::default();
    let pressed: Vec<Key> = b"\xffa\xe2\x82b".iter().filter_map(|byte| keys.feed(*byte)).collect();
    assert_eq!(pressed, ['\u{fffd}', 'a', 'b'].map(Key::Character));
}

#[test]
fn interruption_takes_what_was_typed_before() {
    let mut ahead = Ahead::default();
    ahead.add(b"ab\x03cd");
    assert!(ahead.take_interrupt());
    assert!(!ahead.take_interrupt());
    assert_eq!(std::iter::from_fn(|| ahead.next()).collect::<Vec<_>>(), b"cd");
}

#[test]
fn interruption_is_seen_when_too_much_was_typed_ahead() {
    let mut ahead = Ahead::default();
    ahead.add(&[b'x'; AHEAD_BYTES + 10]);
    assert_eq!(std::iter::from_fn(|| ahead.next()).count(), AHEAD_BYTES);
    ahead.add(&[b'x'; AHEAD_BYTES + 10]);
    ahead.add(b"\x03");
    assert!(ahead.take_interrupt());
}

fn line(text: &str) -> Option<ScriptLine> {
    Some(ScriptLine { bytes: text.into(), length: text.len() as u64 })
}

fn lines(script: &mut Script, bytes: &[u8]) -> Vec<ScriptLine> {
    bytes.iter().filter_map(|byte| script.feed(*byte)).collect()
}

#[test]
fn a_script_is_read_as_it_is() {
    let mut script = Script::default();
    assert_eq!(script.feed(b'\n'), line(""));
    let read = lines(&mut script, b"\x1b[A\x03\xff\r\n");
    assert_eq!(read, [ScriptLine { bytes: b"\x1b[A\x03\xff\r".into(), length: 6 }]);
    assert!(!script.ended());
}

#[test]
fn control_d_ends_a_script_and_its_last_line() {
    let mut script = Script::default();
    assert_eq!(lines(&mut script, b"a\nb\x04c\n"), [line("a").unwrap(), line("b").unwrap()]);
    assert!(script.ended());
    let mut script = Script::default();
    assert_eq!(script.feed(4), None);
    assert!(script.ended());
}

#[test]
fn the_end_of_the_console_ends_a_script() {
    let mut script = Script::default();
    script.feed(b'a');
    assert_eq!(script.end(), line("a"));
    assert!(script.ended());
}

#[test]
fn the_end_of_a_line_that_is_too_long_is_counted() {
    let mut script = Script::default();
    lines(&mut script, &[b'x'; LINE_BYTES + 7]);
    let line = script.feed(b'\n').unwrap();
    assert_eq!((line.bytes.len(), line.length), (LINE_BYTES, LINE_BYTES as u64 + 7));
    assert_eq!(script.feed(b'\n').unwrap().length, 0);
}

/// A key, and what it does to a line and its cursor in the obvious way.
fn obvious(key: char, line: &mut Vec<char>, cursor: &mut usize) -> &'static str {
    match key {
        'L' => {
            *cursor = cursor.saturating_sub(1);
            LEFT
        }
        'R' => {
            *cursor = (*cursor + 1).min(line.len());
            RIGHT
        }
        'H' => {
            *cursor = 0;
            HOME
        }
        'E' => {
            *cursor = line.len();
            END
        }
        'D' => {
            if *cursor < line.len() {
                line.remove(*cursor);
            }
            DELETE
        }
        'B' => {
            if *cursor > 0 {
                *cursor -= 1;
                line.remove(*cursor);
            }
            "\x7f"
        }
        'K' => {
            line.truncate(*cursor);
            "\x0b"
        }
        _ => {
            line.insert(*cursor, 'x');
            *cursor += 1;
            "x"
        }
    }
}

proptest! {
    #[test]
    fn editing_does_the_obvious(keys in "[xxxLRHEDBK]{0,40}", columns in 4_usize..40) {
        let mut typed = Typed::on(columns, "$ ");
        let (mut line, mut cursor) = (Vec::new(), 0);
        for key in keys.chars() {
            let bytes = obvious(key, &mut line, &mut cursor);
            prop_assert_eq!(typed.press(bytes), None);
        }
        prop_assert_eq!(typed.press("\r"), Some(Event::Line(line.iter().collect())));
    }

    #[test]
    fn the_row_never_overflows(
        prompt in "[p日]{0,50}[$] ",
        text in "[a日 é\u{301}]{0,60}",
        back in 0_usize..60,
        columns in 12_usize..40,
    ) {
        let mut typed = Typed::on(columns, &prompt);
        typed.press(&text);
        typed.press(&LEFT.repeat(back));
        prop_assert!(typed.screen.row.len() < columns, "{} columns", typed.screen.row.len());
        prop_assert!(typed.screen.column < columns);
        prop_assert!(typed.screen.text().contains('$'));
    }

    #[test]
    fn a_redrawn_row_is_what_was_shown(text in "[a日b ]{0,30}", back in 0_usize..30) {
        let mut typed = Typed::on(20, "$ ");
        typed.press(&text);
        typed.press(&LEFT.repeat(back));
        let before = (typed.screen.text(), typed.screen.column);
        typed.press("\x0c");
        prop_assert_eq!((typed.screen.text(), typed.screen.column), before);
    }

    #[test]
    fn no_bytes_make_the_editor_panic(bytes: Vec<u8>, columns in 0_usize..100) {
        let mut editor = Editor::new(columns);
        editor.begin("warren:/$ ");
        for byte in bytes {
            if editor.feed(byte).is_some() {
                editor.begin("> ");
            }
            editor.take_output();
        }
    }

    #[test]
    fn the_screen_is_sent_no_controls_but_its_own(bytes: Vec<u8>) {
        let mut typed = Typed::on(40, "$ ");
        for byte in bytes {
            let event = typed.editor.feed(byte);
            typed.screen.show(&typed.editor.take_output());
            if event.is_some() {
                typed.begin("$ ");
            }
        }
    }
}
