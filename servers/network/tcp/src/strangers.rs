//! Segments for ports that nobody has: they are answered by RST, but only so many.

use alloc::rc::Rc;
use core::cell::Cell;

use warren_idl::Packet;
use warren_packets::Allowance;

use crate::{arrival::Arrival, stack::Stack};

/// Buffers for the headers of answers: those that are taken at a time beside those that are left, and those that wait to be given back together.
pub const MOST_BUFFERS: u32 = 64;

/// An engine that knows nobody.
pub struct Strangers {
    stack: Rc<Stack>,
    allowance: Cell<Allowance>,
}

impl Strangers {
    /// With a stack in which nobody has a port.
    pub fn new(stack: Stack) -> Self {
        Strangers { stack: Rc::new(stack), allowance: Cell::default() }
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
