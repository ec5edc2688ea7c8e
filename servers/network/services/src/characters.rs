//! The characters of the character generator (RFC 864): lines of 72, each of which begins with the one behind that of the line before.

use alloc::vec::Vec;

/// The first character that can be printed, and how many there are.
const FIRST: u8 = b' ';
const COUNT: usize = 95;
/// Characters of a line, and with its end.
const LINE: usize = 72;
const WHOLE_LINE: usize = LINE + 2;
/// Bytes after which all begins again.
const ROUND: usize = WHOLE_LINE * COUNT;

/// The endless text, as far as it is written at a time from anywhere in it.
pub struct Characters {
    text: Vec<u8>,
}

impl Characters {
    /// With at most `most` bytes at a time.
    pub fn new(most: usize) -> Self {
        Characters { text: (0..ROUND + most).map(|at| character(at % ROUND)).collect() }
    }

    /// The text behind `at` bytes, as many as are written at a time at least.
    pub fn behind(&self, at: u64) -> &[u8] {
        &self.text[(at % ROUND as u64) as usize..]
    }
}

fn character(at: usize) -> u8 {
    let (line, column) = (at / WHOLE_LINE, at % WHOLE_LINE);
    match column {
        LINE => b'\r',
        column if column > LINE => b'\n',
        column => FIRST + ((line + column) % COUNT) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_those_of_the_standard() {
        let text = Characters::new(100);
        let bytes = text.behind(0);
        let lines: Vec<&str> = str::from_utf8(bytes).unwrap().split("\r\n").collect();
        assert!(lines[0].starts_with(" !\"#$%&'()*+,-./0123456789:") && lines[0].len() == LINE);
        assert!(lines[1].starts_with("!\"#") && lines[94].starts_with("~ !"));
        assert_eq!(lines.len(), 97);
    }

    #[test]
    fn the_text_goes_on_wherever_it_was_left() {
        let text = Characters::new(100);
        assert_eq!(text.behind(157)[..100], text.behind(0)[157..257]);
        assert_eq!(text.behind(7 * ROUND as u64 + 157), text.behind(157));
        assert_eq!(text.behind(ROUND as u64 - 1)[1..100], text.behind(0)[..99]);
    }
}
