//! The newest lines, in as much memory as they may take.

use alloc::{boxed::Box, collections::VecDeque};

use warren_idl::LogRecord;

/// Lines in the order of their numbers.
pub struct Book {
    lines: VecDeque<Line>,
    /// What all lines take.
    bytes: usize,
    /// What they may take.
    most: usize,
    /// Number after that of the newest line.
    next: u64,
}

struct Line {
    record: LogRecord,
    /// The server's name and the line.
    text: Box<[u8]>,
}

impl Line {
    fn bytes(&self) -> usize {
        size_of::<Line>() + self.text.len()
    }
}

impl Book {
    /// A book for so many bytes of lines.
    pub fn new(most: usize) -> Self {
        Book { lines: VecDeque::new(), bytes: 0, most, next: 0 }
    }

    /// The smallest number that a new line can have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Adds a line, whose text is at the start of `text`. If there is not enough room the oldest lines go.
    ///
    /// One with a number that was used before is left out, and `false` is returned: a reader counts on their order.
    pub fn add(&mut self, record: LogRecord, text: &[u8]) -> bool {
        if record.number < self.next || record.number == u64::MAX {
            return false;
        }
        let length = text.len().min(record.server_bytes as usize + record.text_bytes as usize);
        let line = Line { record, text: text[..length].into() };
        self.next = record.number + 1;
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.bytes > self.most
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes -= oldest.bytes();
        }
        true
    }

    /// The oldest line whose number is at least `number`, and the text of it.
    pub fn find(&self, number: u64) -> Option<(&LogRecord, &[u8])> {
        let at = self.lines.partition_point(|line| line.record.number < number);
        self.lines.get(at).map(|line| (&line.record, &*line.text))
    }
}

#[cfg(test)]
mod tests {
    use std::{format, string::String, vec::Vec};

    use super::*;

    fn record(number: u64, text: &str) -> LogRecord {
        LogRecord { number, text_bytes: text.len() as u32, ..LogRecord::default() }
    }

    fn add(book: &mut Book, number: u64) {
        let text = format!("line {number}");
        book.add(record(number, &text), text.as_bytes());
    }

    fn numbers(book: &Book) -> Vec<u64> {
        let mut numbers = Vec::new();
        let mut number = 0;
        while let Some((record, text)) = book.find(number) {
            let text = String::from_utf8(text.into()).unwrap();
            assert_eq!(text, format!("line {}", record.number));
            numbers.push(record.number);
            number = record.number + 1;
        }
        numbers
    }

    #[test]
    fn lines_are_found_in_their_order() {
        let mut book = Book::new(1000);
        [3, 4, 7].into_iter().for_each(|number| add(&mut book, number));
        assert_eq!(numbers(&book), [3, 4, 7]);
        assert_eq!(book.next(), 8);
    }

    #[test]
    fn the_oldest_lines_go_when_there_is_no_room() {
        let most = 10 * (size_of::<Line>() + "line 90".len());
        let mut book = Book::new(most);
        (0..100).for_each(|number| add(&mut book, number));
        assert_eq!(numbers(&book), (90..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_line_that_does_not_fit_leaves_nothing() {
        let mut book = Book::new(size_of::<Line>());
        add(&mut book, 0);
        assert_eq!(numbers(&book), []);
        assert_eq!((book.next(), book.bytes), (1, 0));
    }

    #[test]
    fn a_number_that_was_used_is_left_out() {
        let mut book = Book::new(1000);
        [5, 5, 4, 6].into_iter().for_each(|number| add(&mut book, number));
        assert_eq!(numbers(&book), [5, 6]);
        assert!(!book.add(record(u64::MAX, "line"), b"line"), "there is no number after it");
    }

    #[test]
    fn lengths_that_claim_more_than_there_is_are_not_believed() {
        let mut book = Book::new(1000);
        let record = LogRecord { server_bytes: u32::MAX, ..record(0, "line 0") };
        book.add(record, b"line 0");
        assert_eq!(numbers(&book), [0]);
    }
}
