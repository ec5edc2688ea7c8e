//! Deadlines of calls, and threads and calls that are to end.
//!
//! An activation may say that the calls that it makes are to be over when the clock shows some time. From then on every call that the
//! thread makes fails with `Deadline`, and so does every wait in a native, until the activation takes the deadline back. So callees
//! end by their own error paths: their state is whole, their destructors run. One that just computes is the watchdog's.
//!
//! A thread that was ended is one whose deadline has passed for good; its calls fail with `Killed`. So do those that a thread makes for a server
//! that died meanwhile: nobody waits for what they bring, until the thread is back in that server's caller.
//!
//! # Whose a deadline is
//!
//! That of an activation, which is known by its frame. The frame bears a mark as long as the activation has deadlines, and the next call at the
//! same place overwrites it: so what an activation leaves behind, that was cut off or did not care, holds nobody else up.
#![expect(unsafe_code, reason = "reads and writes marks of frames")]

use warren_abi::call::{Ret, SystemError};

use crate::{
    layout::Frame,
    platform::Platform,
    reference::{newest_frame, refuse},
};

/// Deadlines that may lie one inside another.
pub const DEADLINES: usize = 16;

/// One deadline.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    /// The frame of the activation that set it.
    frame: *mut Frame,
    /// The time, in nanoseconds of the platform's clock.
    until_ns: u64,
}

impl Deadline {
    const NONE: Deadline = Deadline { frame: core::ptr::null_mut(), until_ns: u64::MAX };
}

/// The deadlines of one thread.
///
/// D1: frames that are named here, and those that are passed to its functions, lie in the thread's array, which is there as long as this is.
/// The thread does not run meanwhile, or is the one that asks.
#[derive(Clone, Debug)]
pub struct Deadlines {
    all: [Deadline; DEADLINES],
    count: usize,
    /// The lowest frame whose callee died while a call that it made was under way; null if there is none.
    ended: *mut Frame,
    killed: bool,
    /// The frame from which on the thread does what has to be done, whatever was set or ended below; null if it does not.
    base: *mut Frame,
}

/// Whether the activation is still there that had deadlines in this frame, where `newest` is the newest.
fn is_there(frame: *mut Frame, newest: *mut Frame) -> bool {
    // SAFETY: the frame lies in the thread's array (D1).
    !frame.is_null() && frame <= newest && unsafe { (*frame).has_deadlines() }
}

/// Notes whether the activation of a frame has deadlines.
fn note(frame: *mut Frame, have: bool) {
    // SAFETY: the frame lies in the thread's array (D1).
    unsafe { (*frame).note_deadlines(have) };
}

impl Deadlines {
    /// None.
    pub const NONE: Deadlines = Deadlines {
        all: [Deadline::NONE; DEADLINES],
        count: 0,
        ended: core::ptr::null_mut(),
        killed: false,
        base: core::ptr::null_mut(),
    };

    /// Forgets those of activations that are over.
    fn forget_over(&mut self, newest: *mut Frame) {
        while self.count > 0 && !is_there(self.all[self.count - 1].frame, newest) {
            self.count -= 1;
        }
        // Its own calls are over, too, when it is the newest.
        if !is_there(self.ended, newest) || self.ended == newest {
            self.ended = core::ptr::null_mut();
        }
    }

    /// Sets one for the calls of the activation whose frame is `newest`. Returns what takes it back; `None` if there are too many.
    fn begin(&mut self, newest: *mut Frame, until_ns: u64) -> Option<u64> {
        self.forget_over(newest);
        let mark = self.count;
        *self.all.get_mut(mark)? = Deadline { frame: newest, until_ns };
        self.count += 1;
        note(newest, true);
        Some(mark as u64)
    }

    /// Takes one back that the activation with this frame has set, and those inside it. Nobody takes back another's.
    fn end(&mut self, newest: *mut Frame, mark: u64) {
        self.forget_over(newest);
        let mark = usize::try_from(mark).unwrap_or(usize::MAX);
        if mark < self.count && self.all[mark].frame == newest {
            self.count = mark;
            let below = mark.checked_sub(1).map(|below| self.all[below].frame);
            note(newest, below == Some(newest));
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

    /// From now on every call fails that is made above `frame`, whose callee died. `newest` is the newest one.
    pub fn end_above(&mut self, frame: *mut Frame, newest: *mut Frame) {
        self.forget_over(newest);
        if self.ended.is_null() || frame < self.ended {
            self.ended = frame;
            note(frame, true);
        }
    }

    /// Whether there are none, and nothing was ended.
    #[inline]
    pub fn are_none(&self) -> bool {
        self.count == 0 && self.ended.is_null() && !self.killed
    }

    /// From now on only what is set or ended above `base` counts; returns what counted before.
    pub fn set_base(&mut self, base: *mut Frame) -> *mut Frame {
        core::mem::replace(&mut self.base, base)
    }

    /// Whether the thread, or a call that is under way, was ended.
    fn is_ended(&self) -> bool {
        self.killed && self.base.is_null() || self.ended > self.base
    }

    /// When the first of them passes; 0 if the thread or a call was ended, and the end of time if there are none.
    #[inline]
    pub fn earliest_ns(&self) -> u64 {
        // Whoever switches threads asks, and mostly there are none.
        if self.are_none() { u64::MAX } else { self.earliest_of_some_ns() }
    }

    fn earliest_of_some_ns(&self) -> u64 {
        let counting = self.all[..self.count].iter().filter(|deadline| deadline.frame > self.base);
        let earliest = counting.map(|deadline| deadline.until_ns).min();
        if self.is_ended() { 0 } else { earliest.unwrap_or(u64::MAX) }
    }

    /// Why a call of the activation whose frame is `newest` fails at a time, if it does.
    pub fn refusal(&mut self, newest: *mut Frame, now_ns: u64) -> Option<SystemError> {
        self.forget_over(newest);
        match self.earliest_ns() {
            _ if self.is_ended() => Some(SystemError::Killed),
            earliest if earliest <= now_ns => Some(SystemError::Deadline),
            _ => None,
        }
    }
}

/// `wsys.deadline`.
pub extern "C" fn begin<P: Platform>(until_ns: u64) -> Ret {
    let newest = newest_frame::<P>();
    let mark = P::critical(|| P::with_deadlines(|all| all.begin(newest, until_ns)));
    mark.map_or_else(|| refuse(SystemError::TooDeep), Ret::ok)
}

/// `wsys.deadline_end`.
pub extern "C" fn end<P: Platform>(mark: u64) -> Ret {
    let newest = newest_frame::<P>();
    P::critical(|| P::with_deadlines(|all| all.end(newest, mark)));
    Ret::ok(0)
}

/// Does what has to be done whatever becomes of the thread on which it happens to be done: its deadlines and its end do not count for that. Outside of
/// `critical`.
pub fn regardless<P: Platform>(work: impl FnOnce()) {
    let newest = newest_frame::<P>();
    let before = P::critical(|| P::with_deadlines(|all| all.set_base(newest)));
    work();
    P::critical(|| P::with_deadlines(|all| all.set_base(before)));
}

/// The activation of the newest frame is over: its deadlines do not count any more. Inside `critical`.
pub fn forget_newest<P: Platform>() {
    let newest = newest_frame::<P>();
    P::with_deadlines(|all| {
        note(newest, false);
        all.forget_over(newest);
    });
}

/// Fails if calls and waits of the thread that runs are to fail now. Inside `critical`.
pub fn check<P: Platform>() -> Result<(), SystemError> {
    // Mostly there are none, and the clock need not be read.
    if P::with_deadlines(|all| all.are_none()) {
        return Ok(());
    }
    let newest = newest_frame::<P>();
    let now_ns = P::now_ns();
    P::with_deadlines(|all| all.refusal(newest, now_ns)).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use core::ptr::null_mut;

    use super::*;

    const RESUME: u64 = 0x1234;

    /// Frames of one thread, in each of which there is a call.
    struct Frames([Frame; 6]);

    impl Frames {
        fn new() -> Self {
            Frames(core::array::from_fn(|_| called()))
        }

        fn at(&mut self, number: usize) -> *mut Frame {
            &raw mut self.0[number]
        }

        /// A call takes the place of the one that was there.
        fn call(&mut self, number: usize) {
            self.0[number] = called();
        }
    }

    fn called() -> Frame {
        Frame { resume: RESUME, ..Frame::bottom(null_mut(), 0, 0) }
    }

    #[test]
    fn the_earliest_deadline_counts_until_its_activation_takes_it_back() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        let outer = all.begin(frames.at(1), 500).unwrap();
        let inner = all.begin(frames.at(2), 900).unwrap();
        assert_eq!(all.refusal(frames.at(3), 499), None);
        assert_eq!(all.refusal(frames.at(3), 500), Some(SystemError::Deadline));
        all.end(frames.at(2), inner);
        all.end(frames.at(2), outer);
        assert_eq!(all.refusal(frames.at(2), 500), Some(SystemError::Deadline), "it is another's");
        all.end(frames.at(1), outer);
        assert_eq!(all.refusal(frames.at(1), 500), None);
        assert!(frames.0.iter().all(|frame| frame.resume == RESUME), "no mark is left");
    }

    #[test]
    fn deadlines_of_one_activation_lie_one_inside_the_other() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        let outer = all.begin(frames.at(1), 500).unwrap();
        let inner = all.begin(frames.at(1), 300).unwrap();
        assert_eq!(all.refusal(frames.at(2), 300), Some(SystemError::Deadline));
        all.end(frames.at(1), inner);
        assert_eq!(all.refusal(frames.at(2), 300), None);
        assert_eq!(all.refusal(frames.at(2), 500), Some(SystemError::Deadline));
        all.end(frames.at(1), outer);
        assert_eq!(all.refusal(frames.at(2), 500), None);
    }

    #[test]
    fn what_was_cut_off_has_no_deadlines() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        all.begin(frames.at(1), 500).unwrap();
        all.begin(frames.at(2), 100).unwrap();
        assert_eq!(all.refusal(frames.at(1), 200), None);
        assert_eq!(all.earliest_ns(), 500);
    }

    #[test]
    fn the_next_call_in_the_same_frame_has_no_deadline_of_the_one_before() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        all.begin(frames.at(1), 500).unwrap();
        all.begin(frames.at(2), 100).unwrap();
        frames.call(2);
        assert_eq!(all.refusal(frames.at(2), 200), None);
        assert_eq!(all.refusal(frames.at(3), 200), None);
        assert_eq!(all.refusal(frames.at(2), 500), Some(SystemError::Deadline));
    }

    #[test]
    fn a_frame_keeps_its_deadlines_beside_the_watchdogs_mark() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        let mark = all.begin(frames.at(1), 500).unwrap();
        frames.0[1].mark(true);
        assert!(frames.0[1].is_marked() && frames.0[1].resume() == RESUME);
        assert_eq!(all.refusal(frames.at(1), 500), Some(SystemError::Deadline));
        frames.0[1].mark(false);
        assert_eq!(all.refusal(frames.at(1), 500), Some(SystemError::Deadline));
        frames.0[1].mark(true);
        all.end(frames.at(1), mark);
        assert!(frames.0[1].is_marked());
        assert_eq!(all.refusal(frames.at(1), 500), None);
    }

    #[test]
    fn a_thread_that_was_ended_makes_no_call() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        all.kill();
        assert_eq!(all.refusal(frames.at(1), 0), Some(SystemError::Killed));
        assert_eq!(all.earliest_ns(), 0);
    }

    #[test]
    fn what_was_called_for_a_dead_server_makes_no_call_until_the_thread_is_back() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        all.begin(frames.at(1), 500).unwrap();
        for dead in [3, 2, 4] {
            all.end_above(frames.at(dead), frames.at(5));
        }
        for number in [3, 4, 5] {
            assert_eq!(all.refusal(frames.at(number), 0), Some(SystemError::Killed), "{number}");
        }
        assert_eq!(all.refusal(frames.at(2), 0), None, "back in what died");
        assert_eq!(all.refusal(frames.at(3), 0), None, "what is called then is another's");
        assert_eq!(all.refusal(frames.at(3), 500), Some(SystemError::Deadline));
    }

    #[test]
    fn a_call_in_the_place_of_one_that_died_is_not_ended() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        all.end_above(frames.at(2), frames.at(3));
        frames.call(2);
        assert_eq!(all.refusal(frames.at(3), 0), None);
        all.end_above(frames.at(4), frames.at(5));
        assert_eq!(all.refusal(frames.at(3), 0), None, "what the next death ends is above");
        assert_eq!(all.refusal(frames.at(5), 0), None, "the thread was back before");
    }

    #[test]
    fn what_has_to_be_done_is_done_regardless_of_what_was_set_and_ended_below() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        all.begin(frames.at(1), 500).unwrap();
        all.end_above(frames.at(2), frames.at(3));
        all.kill();
        let before = all.set_base(frames.at(3));
        assert_eq!((all.refusal(frames.at(4), 500), all.earliest_ns()), (None, u64::MAX));
        all.begin(frames.at(4), 700).unwrap();
        assert_eq!(all.refusal(frames.at(5), 700), Some(SystemError::Deadline), "it is its own");
        frames.call(4);
        all.set_base(before);
        assert_eq!(all.refusal(frames.at(4), 0), Some(SystemError::Killed));
    }

    #[test]
    fn there_is_a_limit() {
        let (mut all, mut frames) = (Deadlines::NONE, Frames::new());
        for _ in 0..DEADLINES {
            assert!(all.begin(frames.at(1), 1).is_some());
        }
        assert_eq!(all.begin(frames.at(1), 1), None);
    }
}
