//! The characters of the character generator (RFC 864): lines of 72, each of which begins with the one behind that of the line before.

/// The first character that can be printed, and how many there are.
const FIRST: u8 = b' ';
const COUNT: usize = 95;
/// Characters of a line, and with its end.
const LINE: usize = 72;
const WHOLE_LINE: usize = LINE + 2;
/// Bytes after which all begins again.
const ROUND: usize = WHOLE_LINE * COUNT;

/// A place in the endless text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Characters {
    at: usize,
}

impl Characters {
    /// Fills all of `bytes`, from here on.
    pub fn fill(self, bytes: &mut [u8]) {
        let (mut at, mut rest) = (self.at, bytes);
        while !rest.is_empty() {
            let line = line(at / WHOLE_LINE);
            let behind = &line[at % WHOLE_LINE..];
            let count = behind.len().min(rest.len());
            let (part, after) = rest.split_at_mut(count);
            part.copy_from_slice(&behind[..count]);
            (at, rest) = ((at + count) % ROUND, after);
        }
    }

    /// So many have been used.
    pub fn pass(&mut self, bytes: usize) {
        self.at = (self.at + bytes) % ROUND;
    }
}

/// All characters twice, so that each line is a part of them.
const TWICE: [u8; 2 * COUNT] = {
    let mut all = [0; 2 * COUNT];
    let mut at = 0;
    while at < all.len() {
        all[at] = FIRST + (at % COUNT) as u8;
        at += 1;
    }
    all
};

/// A line with its end.
fn line(number: usize) -> [u8; WHOLE_LINE] {
    let mut line = [b'\r'; WHOLE_LINE];
    line[..LINE].copy_from_slice(&TWICE[number..][..LINE]);
    line[LINE + 1] = b'\n';
    line
}

#[cfg(test)]
mod tests {
    use std::{string::String, vec, vec::Vec};

    use super::*;

    #[test]
    fn the_lines_are_those_of_the_standard() {
        let mut bytes = vec![0; ROUND + 10];
        Characters::default().fill(&mut bytes);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines[0].starts_with(" !\"#$%&'()*+,-./0123456789:") && lines[0].len() == LINE);
        assert!(lines[1].starts_with("!\"#") && lines[94].starts_with("~ !"));
        assert_eq!(lines.len(), 96);
        let mut place = Characters::default();
        place.pass(100);
        place.pass(57);
        let mut part = [0; 300];
        place.fill(&mut part);
        assert_eq!(part[..], bytes[157..457]);
        place.pass(ROUND);
        place.fill(&mut part);
        assert_eq!(part[..], bytes[157..457]);
    }
}
