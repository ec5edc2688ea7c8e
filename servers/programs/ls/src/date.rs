//! Seconds since 1970 as a date.

use alloc::format;
use alloc::string::String;

const DAY: u64 = 24 * 60 * 60;

/// Days of each month of a year that starts in March, so that a leap day is the last of its year.
const MONTHS: [(u64, u64); 12] = [
    (3, 31),
    (4, 30),
    (5, 31),
    (6, 30),
    (7, 31),
    (8, 31),
    (9, 30),
    (10, 31),
    (11, 30),
    (12, 31),
    (1, 31),
    (2, 29),
];

/// Days from 1 March 2000, the start of a period of 400 years, back to 1 January 1970.
const EPOCH: u64 = 11_017;

/// Days of 400 years.
const PERIOD: u64 = 146_097;

/// Year, month and day in the Gregorian calendar, of a day counted from 1 January 1970.
pub fn civil(day: u64) -> (u64, u64, u64) {
    // Counted from 1 March 1600, which is before 1970.
    let day = day + PERIOD - EPOCH;
    let (periods, day) = (day / PERIOD, day % PERIOD);
    // The last century of a period, and the last year of four, are a day longer than the others.
    let century = (day / 36_524).min(3);
    let day = day - century * 36_524;
    let (fours, day) = (day / 1461, day % 1461);
    let year = (day / 365).min(3);
    let mut day = day - year * 365;
    let year = 1600 + periods * 400 + century * 100 + fours * 4 + year;
    for (month, days) in MONTHS {
        if day < days {
            return (year + u64::from(month < 3), month, day + 1);
        }
        day -= days;
    }
    unreachable!("a year has at most 366 days")
}

/// Date and time to the minute, in UTC.
pub fn minutes(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / DAY);
    let minute = seconds % DAY / 60;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::civil;

    proptest! {
        #[test]
        fn days_follow_each_other(day in 0_u64..4_000_000) {
            let (year, month, date) = civil(day);
            let next = civil(day + 1);
            let follows = next == (year, month, date + 1)
                || (date >= 28 && next == (year, month + 1, 1))
                || (month == 12 && date == 31 && next == (year + 1, 1, 1));
            prop_assert!(follows, "{:?} then {:?}", (year, month, date), next);
        }
    }

    #[test]
    fn known_days_have_their_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(47_540), (2100, 2, 28));
        assert_eq!(civil(47_541), (2100, 3, 1));
    }
}
