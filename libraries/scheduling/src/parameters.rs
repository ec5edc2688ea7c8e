//! Numbers that the system file gives to a scheduler.

use core::ops::RangeInclusive;

use warren::{Req, StartError};
use warren_idl::{ParameterError, Parameters};

/// Milliseconds of a slice if the system file does not say: long beside the cost of a dispatch, and short for a person who waits
/// for several contexts.
const DEFAULT_SLICE_MS: u64 = 10;

/// The parameter `slice-ms` of all schedulers, in nanoseconds.
pub fn slice_ns(parameters: &Req<dyn Parameters>) -> Result<u64, StartError> {
    let refusal = "`slice-ms` is no number of milliseconds from 1 to 1000";
    Ok(number(parameters, "slice-ms", DEFAULT_SLICE_MS, 1..=1000, refusal)? * 1_000_000)
}

/// The parameter `name`, a decimal number, or `default` if it is not set. `refusal` says why no other number will do.
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
