//! What the system file gives to a server.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec;
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

fn parse(digits: &str, range: RangeInclusive<u64>) -> Option<u64> {
    digits.parse().ok().filter(|number| range.contains(number))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_numbers_in_the_range_will_do() {
        let cases = [("1", Some(1)), ("100", Some(100)), ("0", None), ("101", None), ("", None)];
        for (digits, number) in cases.into_iter().chain([("1 ms", None), ("-1", None)]) {
            assert_eq!(parse(digits, 1..=100), number, "{digits}");
        }
    }
}
