//! The guarantee of one principal: a slice in each period.

use warren_idl::Terms;

/// Least slice that is guaranteed, in nanoseconds: to hand on less would cost more than it is.
pub const LEAST_SLICE_NS: u64 = 100_000;

/// Parts of the processor's time, of which [`WHOLE`] are all of it.
pub type Parts = u64;

/// All of the processor's time.
pub const WHOLE: Parts = 1_000_000_000;

/// What a principal was admitted with, and where it is in its period.
///
/// A period starts when the one before has ended, or when the principal wakes so late in it that it could not have the rest of its slice
/// without having more than its rate until the end; then the old period is given up, and nothing of it is left over. This is the
/// rule of the constant bandwidth server (Abeni and Buttazzo, 1998), with which earliest deadline first keeps all guarantees as
/// long as they are not more than the whole.
#[derive(Clone, Debug)]
pub struct Reservation {
    slice_ns: u64,
    period_ns: u64,
    /// End of the period, by which the slice is due.
    deadline_ns: u64,
    /// What has been used of the slice. What exceeds it is owed in the next period.
    used_ns: u64,
}

impl Reservation {
    /// What the terms ask for; `None` if that is nothing.
    pub fn asked(terms: &Terms) -> Option<Self> {
        let Terms { slice_ns, period_ns, .. } = *terms;
        (slice_ns > 0).then_some(Reservation { slice_ns, period_ns, deadline_ns: 0, used_ns: 0 })
    }

    /// Whether there can be such a guarantee.
    pub fn is_sound(&self) -> bool {
        (LEAST_SLICE_NS..=self.period_ns).contains(&self.slice_ns)
    }

    /// What it takes of the processor's time, rounded up.
    pub fn parts(&self) -> Parts {
        let parts = (u128::from(self.slice_ns) * u128::from(WHOLE)).div_ceil(self.period_ns.into());
        Parts::try_from(parts).unwrap_or(Parts::MAX)
    }

    /// End of the period.
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns
    }

    /// What is left of the slice.
    pub fn left_ns(&self) -> u64 {
        self.slice_ns.saturating_sub(self.used_ns)
    }

    /// Part of the slice has been used.
    pub fn charge(&mut self, used_ns: u64) {
        self.used_ns = self.used_ns.saturating_add(used_ns);
    }

    /// The principal has had nothing ready, and has now.
    pub fn wake(&mut self, now_ns: u64) {
        let rest_ns = self.deadline_ns.saturating_sub(now_ns);
        let wanted = u128::from(self.left_ns()) * u128::from(self.period_ns);
        if wanted >= u128::from(rest_ns) * u128::from(self.slice_ns) {
            self.used_ns = self.used_ns.saturating_sub(self.slice_ns);
            self.deadline_ns = now_ns.saturating_add(self.period_ns);
        }
    }

    /// Starts the period in which `now_ns` lies, if that is another one.
    pub fn renew(&mut self, now_ns: u64) {
        let Some(late_ns) = now_ns.checked_sub(self.deadline_ns) else { return };
        let periods = late_ns / self.period_ns + 1;
        self.deadline_ns = self.deadline_ns.saturating_add(periods.saturating_mul(self.period_ns));
        self.used_ns = self.used_ns.saturating_sub(periods.saturating_mul(self.slice_ns));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: u64 = 5_000_000;
    const PERIOD: u64 = 20_000_000;

    fn asked(slice_ns: u64, period_ns: u64) -> Option<Reservation> {
        Reservation::asked(&Terms { slice_ns, period_ns, ..Terms::default() })
    }

    /// One whose first period starts at 0.
    fn started() -> Reservation {
        let mut reservation = asked(SLICE, PERIOD).unwrap();
        reservation.wake(0);
        reservation
    }

    #[test]
    fn who_asks_for_nothing_has_no_guarantee() {
        assert!(asked(0, PERIOD).is_none());
    }

    #[test]
    fn a_slice_is_long_enough_and_not_longer_than_its_period() {
        for (slice_ns, period_ns, sound) in [
            (SLICE, PERIOD, true),
            (SLICE, SLICE, true),
            (SLICE, SLICE - 1, false),
            (SLICE, 0, false),
            (LEAST_SLICE_NS - 1, PERIOD, false),
        ] {
            assert_eq!(asked(slice_ns, period_ns).unwrap().is_sound(), sound);
        }
    }

    #[test]
    fn parts_are_rounded_up() {
        assert_eq!(asked(SLICE, PERIOD).unwrap().parts(), WHOLE / 4);
        assert_eq!(asked(SLICE, 3 * SLICE).unwrap().parts(), WHOLE / 3 + 1);
        assert_eq!(asked(u64::MAX, u64::MAX).unwrap().parts(), WHOLE);
    }

    #[test]
    fn a_slice_is_due_by_the_end_of_each_period() {
        let mut reservation = started();
        reservation.charge(SLICE);
        assert_eq!((reservation.left_ns(), reservation.deadline_ns()), (0, PERIOD));
        reservation.renew(PERIOD - 1);
        assert_eq!(reservation.left_ns(), 0);
        reservation.renew(PERIOD);
        assert_eq!((reservation.left_ns(), reservation.deadline_ns()), (SLICE, 2 * PERIOD));
    }

    #[test]
    fn what_is_not_used_is_lost() {
        let mut reservation = started();
        reservation.renew(10 * PERIOD + 1);
        assert_eq!((reservation.left_ns(), reservation.deadline_ns()), (SLICE, 11 * PERIOD));
    }

    #[test]
    fn what_is_used_too_much_is_owed() {
        let mut reservation = started();
        reservation.charge(2 * SLICE + 1);
        reservation.renew(PERIOD);
        assert_eq!(reservation.left_ns(), 0);
        reservation.renew(2 * PERIOD);
        assert_eq!(reservation.left_ns(), SLICE - 1);
    }

    #[test]
    fn who_wakes_early_has_the_rest_of_the_slice() {
        let mut reservation = started();
        reservation.charge(SLICE / 2);
        reservation.wake(PERIOD / 4);
        assert_eq!((reservation.left_ns(), reservation.deadline_ns()), (SLICE / 2, PERIOD));
    }

    #[test]
    fn who_wakes_too_late_for_the_rest_starts_a_period() {
        let mut reservation = started();
        reservation.charge(SLICE / 2);
        reservation.wake(PERIOD / 2);
        let deadline_ns = PERIOD / 2 + PERIOD;
        assert_eq!((reservation.left_ns(), reservation.deadline_ns()), (SLICE, deadline_ns));
    }

    #[test]
    fn who_has_used_the_slice_gets_no_other_by_sleeping() {
        let mut reservation = started();
        reservation.charge(SLICE);
        reservation.wake(PERIOD - 1);
        assert_eq!((reservation.left_ns(), reservation.deadline_ns()), (0, PERIOD));
    }
}
