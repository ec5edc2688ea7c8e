//! What the system file gives to a server.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{vec, vec::Vec};
use core::ops::RangeInclusive;

use warren::{Req, StartError};
use warren_idl::{ParameterError, Parameters};

/// Longest text of a parameter.
const TEXT_BYTES: usize = 2048;

/// The parameter `name` as `read` understands it, if it is set. `refusal` says why no other text will do.
///
/// # Errors
///
/// It is not understood.
pub fn parameter<T>(
    parameters: &Req<dyn Parameters>,
    name: &str,
    read: impl FnOnce(&str) -> Option<T>,
    refusal: &'static str,
) -> Result<Option<T>, StartError> {
    let mut text = vec![0; TEXT_BYTES];
    let length = match parameters.get(name, &mut text) {
        Ok(length) => length as usize,
        Err(ParameterError::Unset) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let text = text.get(..length).and_then(|text| str::from_utf8(text).ok());
    text.and_then(read).map(Some).ok_or(StartError::new(refusal))
}

/// The parameter `name`, a decimal number, or `default` if it is not set. `refusal` says why no other number will do.
///
/// # Errors
///
/// It is no number in the range.
pub fn number(
    parameters: &Req<dyn Parameters>,
    name: &str,
    default: u64,
    range: RangeInclusive<u64>,
    refusal: &'static str,
) -> Result<u64, StartError> {
    let number = parameter(parameters, name, |digits| parse(digits, range), refusal)?;
    Ok(number.unwrap_or(default))
}

/// Words with space between them, each as `read` understands it; `None` if one is not understood, or if they are more than `most`.
pub fn words<T>(text: &str, most: usize, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let all: Option<Vec<T>> = text.split_ascii_whitespace().map(read).collect();
    all.filter(|all| all.len() <= most)
}

fn parse(digits: &str, range: RangeInclusive<u64>) -> Option<u64> {
    digits.parse().ok().filter(|number| range.contains(number))
}

#[cfg(test)]
mod tests {
    use super::{parse, words};

    #[test]
    fn only_numbers_in_the_range_will_do() {
        let cases = [("1", Some(1)), ("100", Some(100)), ("0", None), ("101", None), ("", None)];
        for (digits, number) in cases.into_iter().chain([("1 ms", None), ("-1", None)]) {
            assert_eq!(parse(digits, 1..=100), number, "{digits}");
        }
    }

    #[test]
    fn words_are_read_if_they_are_no_more_than_there_may_be() {
        let read = |text| words(text, 2, |word| word.parse::<u8>().ok());
        assert_eq!(read(" 1  20 ").as_deref(), Some(&[1, 20][..]));
        assert_eq!(read("").as_deref(), Some(&[][..]));
        assert_eq!((read("1 2 3"), read("1 x")), (None, None));
    }
}
