//! What the system file says.

use warren::{Req, StartError};
use warren_idl::Parameters;
use warren_parameters::number;

use crate::fate::Chances;

/// Time for which a frame is delayed if nothing is said, and the longest, in microseconds.
const DELAY_US: u64 = 1000;
const MOST_DELAY_US: u64 = 10_000_000;

/// What the system file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What becomes of frames.
    pub chances: Chances,
    /// How long those that are delayed wait.
    pub delay_ns: u64,
    /// Where the fates start.
    pub seed: u64,
}

impl Settings {
    /// Reads the parameters.
    pub fn read(parameters: &Req<dyn Parameters>) -> Result<Self, StartError> {
        let all = 0..=u64::MAX;
        Settings::of(|name, default| {
            number(parameters, name, default, all.clone(), "a parameter is no number")
        })
    }

    fn of(number: impl Fn(&str, u64) -> Result<u64, StartError>) -> Result<Self, StartError> {
        let chance = |name| {
            let chance = u32::try_from(number(name, 0)?);
            chance.map_err(|_| StartError::new("a chance is no part of 1000"))
        };
        let (lose, repeat, delay) = (chance("lose")?, chance("repeat")?, chance("delay")?);
        let chances = Chances { lose, repeat, delay };
        if !chances.are_possible() {
            return Err(StartError::new(
                "`lose`, `repeat` and `delay` together are more than 1000",
            ));
        }
        let delay_us = number("delay-us", DELAY_US)?;
        if delay_us > MOST_DELAY_US {
            return Err(StartError::new("`delay-us` is more than ten seconds"));
        }
        Ok(Settings { chances, delay_ns: delay_us * 1000, seed: number("seed", 1)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, u64)]) -> Option<Settings> {
        let said = |name: &str| set.iter().find(|(it, _)| *it == name).map(|(_, number)| *number);
        Settings::of(|name, default| Ok(said(name).unwrap_or(default))).ok()
    }

    #[test]
    fn what_is_not_said_does_no_harm() {
        let expected = Settings { chances: Chances::default(), delay_ns: 1_000_000, seed: 1 };
        assert_eq!(of(&[]), Some(expected));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let some = of(&[("lose", 999), ("repeat", 1), ("seed", 7), ("delay-us", 5)]);
        assert!(
            some.is_some_and(|it| it.chances.lose == 999 && it.seed == 7 && it.delay_ns == 5000)
        );
        for set in [
            &[("lose", 1001)][..],
            &[("lose", u64::MAX)],
            &[("lose", 500), ("repeat", 501)],
            &[("delay-us", 10_000_001)],
        ] {
            assert_eq!(of(set), None, "{set:?}");
        }
    }
}
