//! Numbers that the system file gives to a server.
#![no_std]
#![forbid(unsafe_code)]

use core::ops::RangeInclusive;

use warren::{Req, StartError};
use warren_idl::{ParameterError, Parameters};

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
    let mut text = [0; 20];
    let length = match parameters.get(name, &mut text) {
        Ok(length) => length as usize,
        Err(ParameterError::Unset) => return Ok(default),
        Err(error) => return Err(error.into()),
    };
    let digits = text.get(..length).unwrap_or_default();
    parse(digits, range).ok_or(StartError::new(refusal))
}

fn parse(digits: &[u8], range: RangeInclusive<u64>) -> Option<u64> {
    str::from_utf8(digits).ok()?.parse().ok().filter(|number| range.contains(number))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_numbers_in_the_range_will_do() {
        let cases = [("1", Some(1)), ("100", Some(100)), ("0", None), ("101", None), ("", None)];
        for (digits, number) in cases.into_iter().chain([("1 ms", None), ("-1", None)]) {
            assert_eq!(parse(digits.as_bytes(), 1..=100), number, "{digits}");
        }
        assert_eq!(parse(b"\xff", 1..=100), None);
    }
}
