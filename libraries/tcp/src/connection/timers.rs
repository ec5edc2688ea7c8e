//! What to do when nothing arrives: send again, ask, give up.

use super::{Connection, End, State, payload::Owed, transmission::Held};
use crate::{
    output::Output,
    recovery::Recovery,
    settings::Settings,
    time::{MILLISECOND_NS, NEVER_NS, SECOND_NS},
};

/// For how long the other side may delay an acknowledgment of a single segment (WCDelAckT of RFC 8985, section 7.2).
const DELAYED_NS: u64 = 200 * MILLISECOND_NS;
/// The end of the stream is not asked for earlier, because who answers must first get to run.
const LEAST_WAIT_NS: u64 = 2 * MILLISECOND_NS;
/// So many times in a row everything is sent again before routers may cut it.
const UNHEARD_ATTEMPTS: u8 = 2;
/// When the end of the stream is asked for before there is a sample of the round trip (the same).
const UNKNOWN_NS: u64 = SECOND_NS;

/// What silence of the other side means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The end of the stream may be lost (tail loss probe, RFC 8985, section 7).
    End,
    /// What was sent again may be lost again, or the answer to it.
    Again,
    /// Everything may be lost (RFC 6298).
    Retransmission,
    /// News of a larger window may be lost (RFC 9293, section 3.8.6.1).
    Window,
}

/// What is asked with the next transmission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Nothing.
    None,
    /// Whether the end of the stream arrived.
    End,
    /// Whether there is room.
    Room,
    /// Whether anybody is there.
    Life,
}

impl<B: Copy> Connection<B> {
    /// Notes what is due because of the time. [`Connection::transmit`] then sends it.
    pub fn expire(&mut self, settings: &Settings, now_ns: u64, output: &mut impl Output<B>) {
        if self.deadlines.acknowledgment_ns <= now_ns {
            self.deadlines.acknowledgment_ns = NEVER_NS;
            self.owe(Owed::Now(1));
        }
        if self.deadlines.reordering_ns <= now_ns {
            self.look_for_losses(now_ns);
            if self.scoreboard.lost_bytes() > 0 && self.recovery.is_none() {
                self.reduce();
                let on_the_way = self.scoreboard.on_the_way();
                self.congestion.set_window(on_the_way + u32::from(self.segment_bytes));
            }
        }
        if self.deadlines.overdue_ns <= now_ns {
            self.deadlines.overdue_ns = NEVER_NS;
            self.overdue(settings, now_ns, output);
        }
        if self.deadlines.idle_ns <= now_ns {
            self.deadlines.idle_ns = NEVER_NS;
            self.idle(settings, now_ns, output);
        }
    }

    fn overdue(&mut self, settings: &Settings, now_ns: u64, output: &mut impl Output<B>) {
        match self.deadlines.overdue {
            Overdue::End => self.question = Question::End,
            Overdue::Again => self.repeat_first(),
            Overdue::Window => {
                // Who answers that there is no room is alive; only silence counts.
                if self.attempt(settings.attempts, output) {
                    self.round_trip.back_off();
                    self.question = Question::Room;
                }
            }
            Overdue::Retransmission => {
                let limit = match self.state.is_synchronized() {
                    true => settings.attempts,
                    false => settings.opening_attempts,
                };
                if self.attempt(limit, output) {
                    self.time_out(now_ns);
                }
            }
        }
    }

    /// Sends the first segment once more that is not acknowledged.
    fn repeat_first(&mut self) {
        let segment_bytes = u32::from(self.segment_bytes);
        if let Some(recovery) = &mut self.recovery {
            recovery.repeated = Some(self.unacknowledged);
        }
        self.scoreboard.lose_first(segment_bytes);
        let room = self.scoreboard.on_the_way() + segment_bytes;
        self.congestion.set_window(self.congestion.window().max(room));
    }

    /// Counts an attempt. Returns false if there were enough, and the connection is closed.
    fn attempt(&mut self, limit: u8, output: &mut impl Output<B>) -> bool {
        self.deadlines.attempts = self.deadlines.attempts.saturating_add(1);
        if self.deadlines.attempts > limit {
            self.close(End::TimedOut, output);
            return false;
        }
        true
    }

    /// RFC 6298, section 5, and RFC 5681, section 3.1: everything is taken for lost, and the window begins again with one segment.
    fn time_out(&mut self, now_ns: u64) {
        self.counters.timeouts += 1;
        self.is_unheard |=
            self.state.is_synchronized() && self.deadlines.attempts >= UNHEARD_ATTEMPTS;
        let again = self.recovery.as_ref().is_some_and(|recovery| recovery.timeout);
        if self.state.is_synchronized() && !again {
            self.congestion.reduce(self.next - self.unacknowledged);
        }
        self.recovery = Some(Recovery::new(self.next, true, 0));
        self.scoreboard.lose_all();
        self.congestion.set_window(u32::from(self.segment_bytes));
        self.round_trip.back_off();
        self.probe = None;
        self.deadlines.reordering_ns = NEVER_NS;
        self.deadlines.since_ns = now_ns;
    }

    fn idle(&mut self, settings: &Settings, now_ns: u64, output: &mut impl Output<B>) {
        match self.state {
            State::TimeWait => self.close(End::Finished, output),
            State::FinWait2 if self.wishes.deaf => self.close(End::TimedOut, output),
            _ if !self.wishes.keep_alive => (),
            _ => {
                let asked = u64::from(self.deadlines.attempts);
                let due_ns = self.deadlines.heard_ns
                    + settings.keep_alive_ns
                    + asked * settings.keep_alive_interval_ns;
                if now_ns < due_ns || !self.scoreboard.is_empty() {
                    self.deadlines.idle_ns = due_ns.max(now_ns + settings.keep_alive_interval_ns);
                } else if self.attempt(settings.keep_alive_probes, output) {
                    self.question = Question::Life;
                    self.deadlines.idle_ns = now_ns + settings.keep_alive_interval_ns;
                }
            }
        }
    }

    /// Sets the deadline for an answer, after everything is sent that could be. `held` is why nothing more was.
    pub(super) fn arm(&mut self, now_ns: u64, held: Held) {
        let timeout_ns = self.round_trip.timeout_ns();
        if self.scoreboard.is_empty() {
            match held {
                Held::ByWindow
                    if self.deadlines.overdue != Overdue::Window
                        || self.deadlines.overdue_ns == NEVER_NS =>
                {
                    self.deadlines.overdue = Overdue::Window;
                    self.deadlines.overdue_ns = now_ns + timeout_ns;
                }
                Held::ByWindow => (),
                _ => self.deadlines.overdue_ns = NEVER_NS,
            }
            return;
        }
        let timeout_at_ns = (self.deadlines.since_ns + timeout_ns).max(now_ns + 1);
        let probe = self.end_probe_at_ns().map(|at_ns| (Overdue::End, at_ns));
        let probe = probe.or_else(|| self.repeat_at_ns().map(|at_ns| (Overdue::Again, at_ns)));
        (self.deadlines.overdue, self.deadlines.overdue_ns) = match probe {
            Some((probe, at_ns)) if at_ns < timeout_at_ns => (probe, at_ns.max(now_ns + 1)),
            _ => (Overdue::Retransmission, timeout_at_ns),
        };
    }

    /// When the first segment is sent once more that is not acknowledged, if it may be. What was sent again is found to be lost when something arrives that was
    /// sent later. Where nothing was, or the answer to everything is lost, there is silence in the middle of a recovery, to which RFC 8985 knows no end but
    /// the timeout, some hundred round trips later. One segment in two round trips is no load, and each position is brought so once.
    fn repeat_at_ns(&self) -> Option<u64> {
        let recovery = self.recovery.as_ref()?;
        if !self.agreement.selective
            || recovery.timeout
            || recovery.repeated == Some(self.unacknowledged)
        {
            return None;
        }
        let smoothed_ns = self.round_trip.smoothed_ns()?;
        let wait_ns = smoothed_ns + smoothed_ns.max(4 * self.round_trip.variation_ns());
        let since_ns = self.deadlines.heard_ns.max(self.scoreboard.first_sent_ns());
        Some(since_ns + wait_ns.max(LEAST_WAIT_NS))
    }

    /// When the end of the stream is asked for, if it may be (RFC 8985, section 7.2).
    fn end_probe_at_ns(&self) -> Option<u64> {
        let nothing_missing = self.recovery.is_none() && self.scoreboard.received_bytes() == 0;
        if !self.agreement.selective
            || !nothing_missing
            || self.probe.is_some()
            || !self.state.sends()
        {
            return None;
        }
        let single = self.next - self.unacknowledged <= u32::from(self.segment_bytes);
        let wait_ns =
            self.round_trip.smoothed_ns().map_or(UNKNOWN_NS, |smoothed_ns| 2 * smoothed_ns);
        let wait_ns = wait_ns.max(LEAST_WAIT_NS);
        let since_ns = self.deadlines.since_ns.max(self.scoreboard.end_sent_ns());
        Some(since_ns + wait_ns + if single { DELAYED_NS } else { 0 })
    }

    /// Both sides have ended: late segments are answered for a while (RFC 9293, section 3.6.1).
    pub(super) fn wait_before_forgetting(&mut self, settings: &Settings, now_ns: u64) {
        self.state = State::TimeWait;
        self.deadlines.overdue_ns = NEVER_NS;
        self.deadlines.idle_ns = now_ns + settings.time_wait_ns;
    }

    /// This side has ended, and nobody reads: the other side's end is not waited for without limit.
    pub(super) fn abandon_if_deaf(&mut self, settings: &Settings, now_ns: u64) {
        if self.wishes.deaf && self.state == State::FinWait2 {
            self.deadlines.idle_ns = now_ns + settings.abandoned_ns;
        }
    }
}
