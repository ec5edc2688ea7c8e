//! Deadlines of calls, and threads that are to end.
//!
//! An activation may say that the calls that it makes are to be over when the clock shows some time. From then on every call that the
//! thread makes fails with `Deadline`, and so does every wait in a native, until the activation takes the deadline back. So callees
//! end by their own error paths: their state is whole, their destructors run. One that just computes is the watchdog's.
//! A thread that was ended is one whose deadline has passed for good; its calls fail with `Killed`.

use warren_abi::call::{Ret, SystemError};

use crate::{
    platform::Platform,
    reference::{newest_frame, refuse},
};

/// Deadlines that may lie one inside another.
pub const DEADLINES: usize = 16;

/// One deadline.
#[derive(Clone, Copy, Debug, Default)]
struct Deadline {
    /// Address of the frame of the activation that set it.
    frame: usize,
    /// The time, in nanoseconds of the platform's clock.
    until_ns: u64,
}

/// The deadlines of one thread.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    all: [Deadline; DEADLINES],
    count: usize,
    killed: bool,
}

impl Deadlines {
    /// None.
    pub const NONE: Deadlines =
        Deadlines { all: [Deadline { frame: 0, until_ns: 0 }; DEADLINES], count: 0, killed: false };

    /// Forgets those of activations that are over, because they were cut off: their frames are above the newest.
    fn forget_above(&mut self, newest: usize) {
        while self.count > 0 && self.all[self.count - 1].frame > newest {
            self.count -= 1;
        }
    }

    /// Sets one for the calls of the activation whose frame is `newest`. Returns what takes it back; `None` if there are too many.
    fn begin(&mut self, newest: usize, until_ns: u64) -> Option<u64> {
        self.forget_above(newest);
        let mark = self.count;
        *self.all.get_mut(mark)? = Deadline { frame: newest, until_ns };
        self.count += 1;
        Some(mark as u64)
    }

    /// Takes one back that the activation with this frame has set, and those inside it. Nobody takes back another's.
    fn end(&mut self, newest: usize, mark: u64) {
        self.forget_above(newest);
        let mark = usize::try_from(mark).unwrap_or(usize::MAX);
        if mark < self.count && self.all[mark].frame == newest {
            self.count = mark;
        }
    }

    /// From now on every call fails.
    pub fn kill(&mut self) {
        self.killed = true;
    }

    /// Whether the thread was ended.
    pub fn is_killed(&self) -> bool {
        self.killed
    }

    /// When the first of them passes; 0 if the thread was ended, and the end of time if there are none.
    pub fn earliest_ns(&self) -> u64 {
        let set = self.all[..self.count].iter().map(|deadline| deadline.until_ns);
        if self.killed { 0 } else { set.min().unwrap_or(u64::MAX) }
    }

    /// Why a call of the activation whose frame is `newest` fails at a time, if it does.
    pub fn refusal(&mut self, newest: usize, now_ns: u64) -> Option<SystemError> {
        self.forget_above(newest);
        match self.earliest_ns() {
            _ if self.killed => Some(SystemError::Killed),
            earliest if earliest <= now_ns => Some(SystemError::Deadline),
            _ => None,
        }
    }
}

/// `wsys.deadline`.
pub extern "C" fn begin<P: Platform>(until_ns: u64) -> Ret {
    let newest = newest_frame::<P>() as usize;
    let mark = P::critical(|| P::with_deadlines(|all| all.begin(newest, until_ns)));
    mark.map_or_else(|| refuse(SystemError::TooDeep), Ret::ok)
}

/// `wsys.deadline_end`.
pub extern "C" fn end<P: Platform>(mark: u64) -> Ret {
    let newest = newest_frame::<P>() as usize;
    P::critical(|| P::with_deadlines(|all| all.end(newest, mark)));
    Ret::ok(0)
}

/// Fails if calls and waits of the thread that runs are to fail now. Inside `critical`.
pub fn check<P: Platform>() -> Result<(), SystemError> {
    let newest = newest_frame::<P>() as usize;
    let now_ns = P::now_ns();
    P::with_deadlines(|all| all.refusal(newest, now_ns)).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_counts_until_its_activation_takes_it_back() {
        let mut all = Deadlines::NONE;
        let outer = all.begin(10, 500).unwrap();
        let inner = all.begin(20, 900).unwrap();
        assert_eq!(all.refusal(30, 499), None);
        assert_eq!(all.refusal(30, 500), Some(SystemError::Deadline));
        all.end(20, inner);
        all.end(20, outer);
        assert_eq!(all.refusal(20, 500), Some(SystemError::Deadline), "it is another's");
        all.end(10, outer);
        assert_eq!(all.refusal(10, 500), None);
    }

    #[test]
    fn what_was_cut_off_has_no_deadlines() {
        let mut all = Deadlines::NONE;
        all.begin(10, 500).unwrap();
        all.begin(20, 100).unwrap();
        assert_eq!(all.refusal(10, 200), None);
        assert_eq!(all.earliest_ns(), 500);
    }

    #[test]
    fn a_thread_that_was_ended_makes_no_call() {
        let mut all = Deadlines::NONE;
        all.kill();
        assert_eq!(all.refusal(10, 0), Some(SystemError::Killed));
        assert_eq!(all.earliest_ns(), 0);
    }

    #[test]
    fn there_is_a_limit() {
        let mut all = Deadlines::NONE;
        for _ in 0..DEADLINES {
            assert!(all.begin(10, 1).is_some());
        }
        assert_eq!(all.begin(10, 1), None);
    }
}
