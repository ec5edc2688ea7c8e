//! Text that is put together at compile time, for signatures.

/// A signature under construction, at compile time.
pub struct Text {
    bytes: [u8; Text::CAPACITY],
    length: usize,
}

impl Text {
    /// Thirteen words, each at most `r4294967295`, and a result.
    const CAPACITY: usize = 160;

    /// No text.
    #[expect(clippy::new_without_default, reason = "only used in constants")]
    pub const fn new() -> Self {
        Text { bytes: [0; Text::CAPACITY], length: 0 }
    }

    /// Adds text.
    pub const fn text(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self.bytes[self.length] = bytes[at];
            self.length += 1;
            at += 1;
        }
        self
    }

    /// Adds a number in decimal.
    pub const fn number(mut self, number: u64) -> Self {
        let mut unit = 1;
        while number / unit >= 10 {
            unit *= 10;
        }
        while unit > 0 {
            self.bytes[self.length] = b'0' + (number / unit % 10) as u8;
            self.length += 1;
            unit /= 10;
        }
        self
    }

    /// The text.
    pub const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => panic!("text is made of text"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_signatures_are_decimal_without_leading_zeroes() {
        for (number, text) in [(0, "r0"), (9, "r9"), (10, "r10"), (4_045_275_137, "r4045275137")] {
            assert_eq!(Text::new().text("r").number(number).as_str(), text);
        }
    }
}
