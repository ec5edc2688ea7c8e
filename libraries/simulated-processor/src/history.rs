//! What happened.

/// A time from its first nanosecond to that after its last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First nanosecond.
    pub from_ns: u64,
    /// Nanosecond after the last one.
    pub to_ns: u64,
}

impl Span {
    /// How long it is.
    pub fn length_ns(self) -> u64 {
        self.to_ns - self.from_ns
    }

    /// How much of it lies in another one.
    fn within_ns(self, other: Span) -> u64 {
        self.to_ns.min(other.to_ns).saturating_sub(self.from_ns.max(other.from_ns))
    }
}

/// Who was ready, and who ran, when. Contexts are counted as the tasks were given, from 0.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Who ran, in the order of time. Turns of one context that follow each other are several spans.
    pub ran: Vec<(usize, Span)>,
    /// When each context was ready, in the order of time.
    pub ready: Vec<Vec<Span>>,
    /// Dispatches of what was not ready or not there.
    pub refused: usize,
    /// Calls of the scheduler.
    pub dispatches: usize,
    /// How long a context that may be anywhere waited for its turn while a CPU had nothing to do. Only several CPUs have that.
    pub stranded_ns: u64,
}

impl History {
    /// Processor time of one context within a span.
    pub fn used_ns(&self, context: usize, span: Span) -> u64 {
        self.used_by_ns(&[context], span)
    }

    /// Processor time of several contexts within a span.
    pub fn used_by_ns(&self, contexts: &[usize], span: Span) -> u64 {
        let start = self.ran.partition_point(|(_, ran)| ran.to_ns <= span.from_ns);
        let within = self.ran[start..].iter().take_while(|(_, ran)| ran.from_ns < span.to_ns);
        let theirs = within.filter(|(context, _)| contexts.contains(context));
        theirs.map(|(_, ran)| ran.within_ns(span)).sum()
    }

    /// How long a context was ready within a span.
    pub fn ready_ns(&self, context: usize, span: Span) -> u64 {
        self.ready[context].iter().map(|ready| ready.within_ns(span)).sum()
    }

    /// Whether a context was ready for the whole of a span.
    pub fn is_ready(&self, context: usize, span: Span) -> bool {
        self.ready_ns(context, span) == span.length_ns()
    }

    /// How long nobody ran although somebody was ready.
    pub fn wasted_ns(&self) -> u64 {
        let mut ready: Vec<Span> = self.ready.iter().flatten().copied().collect();
        ready.sort_by_key(|span| span.from_ns);
        let mut end_ns = 0;
        let mut ready_ns = 0;
        for span in ready {
            ready_ns += span.to_ns.saturating_sub(span.from_ns.max(end_ns));
            end_ns = end_ns.max(span.to_ns);
        }
        ready_ns - self.ran.iter().map(|(_, span)| span.length_ns()).sum::<u64>()
    }
}
