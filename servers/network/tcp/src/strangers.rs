//! Segments for ports that nobody has: they are answered by RST, but only so many.

use alloc::rc::Rc;
use core::cell::Cell;

use warren_idl::Packet;
use warren_tcp::MILLISECOND_NS;

use crate::{arrival::Arrival, stack::Stack};

/// Buffers for the headers of answers: those that are taken at a time beside those that are left, and those that wait to be given back together.
pub const MOST_BUFFERS: u32 = 64;
/// Answers in a second, and at a time: enough for whoever looks for ports, too few to be of use to whoever lets others send.
const MOST: u64 = 1000;
/// How long one takes.
const EACH_NS: u64 = 1000 * MILLISECOND_NS / MOST;

/// An engine that knows nobody.
pub struct Strangers {
    stack: Rc<Stack>,
    allowance: Cell<Allowance>,
}

/// How many answers may still be given.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    count: u64,
    since_ns: u64,
}

impl Allowance {
    /// The allowance, when one more is taken of it; whether there is one.
    fn take(&mut self, now_ns: u64) -> bool {
        let more = now_ns.saturating_sub(self.since_ns) / EACH_NS;
        self.since_ns += more * EACH_NS;
        self.count = (self.count + more).min(MOST);
        let may = self.count > 0;
        self.count -= u64::from(may);
        may
    }
}

impl Strangers {
    /// With a stack in which nobody has a port.
    pub fn new(stack: Stack) -> Self {
        let allowance = Cell::new(Allowance { count: MOST, since_ns: 0 });
        Strangers { stack: Rc::new(stack), allowance }
    }

    /// The stack.
    pub fn stack(&self) -> Rc<Stack> {
        self.stack.clone()
    }

    /// Answers a segment, if that may be. Of its payload only the checksum counts.
    pub fn take(&self, now_ns: u64, arrival: &Arrival, payload: &[Packet]) {
        let mut allowance = self.allowance.get();
        let may = allowance.take(now_ns);
        self.allowance.set(allowance);
        if may {
            self.stack.answer_stranger(now_ns, arrival, payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_only_so_many_answers_in_a_second() {
        let mut allowance = Allowance { count: MOST, since_ns: 0 };
        let at_once = (0..5000).filter(|_| allowance.take(7)).count() as u64;
        assert_eq!(at_once, MOST);
        let within: u64 = (0..5000).map(|at| u64::from(allowance.take(at * 200_000))).sum();
        assert_eq!(within, MOST - 1);
        assert!((0..MOST).all(|_| allowance.take(1 << 40)), "after silence");
        assert!(!allowance.take(1 << 40));
    }
}
