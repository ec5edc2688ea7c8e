//! Which of a call's words are memory of the caller, and where copies of it lie.
//!
//! The copies lie one behind the other from the lowest address on, each at a multiple of
//! [`ALIGNMENT`], for callees in domains and for callees in the kernel alike.

use warren_abi::{
    call::{BUFFER_BYTES, REGISTER_WORDS, STACK_WORDS, SystemError},
    signature::Part,
};

/// The words of a call after the reference or state.
pub type Words = [u64; REGISTER_WORDS + STACK_WORDS];

/// Alignment of copies: enough for every flat structure.
pub const ALIGNMENT: u64 = 16;

/// One piece of the caller's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Index of the word with its address.
    pub word: usize,
    /// Its address, as the caller says.
    pub address: u64,
    /// Its length.
    pub bytes: u64,
    /// Whether the callee reads it.
    pub read: bool,
    /// Whether the callee writes it.
    pub written: bool,
    /// Offset of the copy.
    pub offset: u64,
}

/// The buffers of a call in the order of its parameters.
pub fn buffers<'a>(parameters: &'a [Part], words: &'a Words) -> impl Iterator<Item = Buffer> + 'a {
    let mut word = 0;
    let mut end = 0u64;
    parameters.iter().filter_map(move |&part| {
        let index = word;
        word += part.words();
        let bytes = match part {
            Part::InStruct(bytes) | Part::OutStruct(bytes) => bytes.into(),
            Part::In | Part::Out | Part::InOut => words[index + 1],
            _ => return None,
        };
        let offset = end;
        end = end.saturating_add(bytes.checked_next_multiple_of(ALIGNMENT).unwrap_or(u64::MAX));
        Some(Buffer {
            word: index,
            address: words[index],
            bytes,
            read: matches!(part, Part::In | Part::InOut | Part::InStruct(_)),
            written: matches!(part, Part::Out | Part::InOut | Part::OutStruct(_)),
            offset,
        })
    })
}

/// Bytes that all copies take together, unless that is more than a call may move.
pub fn buffer_bytes(parameters: &[Part], words: &Words) -> Result<u64, SystemError> {
    let last = buffers(parameters, words).last();
    let bytes = last.map_or(0, |buffer| buffer.offset.saturating_add(buffer.bytes));
    match bytes.checked_next_multiple_of(ALIGNMENT) {
        Some(bytes) if bytes <= BUFFER_BYTES as u64 => Ok(bytes),
        _ => Err(SystemError::BadBuffer),
    }
}

/// The references of a call, each with the index of its word and the service it is to.
pub fn references(parameters: &[Part]) -> impl Iterator<Item = (usize, u32)> {
    let mut word = 0;
    parameters.iter().filter_map(move |&part| {
        let index = word;
        word += part.words();
        match part {
            Part::Reference(service) => Some((index, service)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn copies_lie_one_behind_the_other_at_aligned_offsets() {
        let parameters = [Part::Value, Part::In, Part::OutStruct(20), Part::InOut];
        let mut words = Words::default();
        words[..6].copy_from_slice(&[7, 0x1000, 33, 0x2000, 0x3000, 5]);
        let all: Vec<_> = buffers(&parameters, &words).collect();
        let expected = [(1, 0x1000, 33, 0), (3, 0x2000, 20, 48), (4, 0x3000, 5, 80)];
        assert!(all.iter().map(|b| (b.word, b.address, b.bytes, b.offset)).eq(expected));
        let directions = [(true, false), (false, true), (true, true)];
        assert!(all.iter().map(|b| (b.read, b.written)).eq(directions));
        assert_eq!(buffer_bytes(&parameters, &words), Ok(96));
    }

    #[test]
    fn lengths_that_overflow_or_exceed_the_limit_are_refused() {
        let parameters = [Part::In, Part::Out];
        let limit = BUFFER_BYTES as u64;
        for (first, second) in
            [(limit, 1), (u64::MAX, u64::MAX), (u64::MAX - 15, 16), (0, limit + 1)]
        {
            let mut words = Words::default();
            (words[1], words[3]) = (first, second);
            assert_eq!(buffer_bytes(&parameters, &words), Err(SystemError::BadBuffer));
        }
        assert_eq!(buffer_bytes(&parameters, &Words::default()), Ok(0));
    }

    #[test]
    fn references_are_found_behind_wider_parts() {
        let parameters = [Part::In, Part::Reference(7), Part::Value, Part::Reference(9)];
        assert!(references(&parameters).eq([(2, 7), (4, 9)]));
    }
}
