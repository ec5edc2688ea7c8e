//! What a context does.

use warren_idl::Terms;

/// What a context does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It computes for so many nanoseconds of processor time.
    Compute(u64),
    /// It waits for something that takes so many nanoseconds.
    Wait(u64),
    /// It gives way to others.
    GiveWay,
    /// It takes a server's lock, of which there is one; while another context has it, it lends that one its time. With
    /// [`crate::simulate_on`] only.
    Lock,
    /// It frees the lock.
    Unlock,
    /// It ends.
    End,
}

/// What happens to a context without its doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// At this time somebody has lent it processor time, and it waits for so many nanoseconds.
    Lent(u64, u64),
    /// At this time somebody ends it.
    Killed(u64),
}

/// One context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// When it arrives.
    pub arrives_ns: u64,
    /// What it may expect.
    pub terms: Terms,
    /// What it does, again and again. Without steps it computes for ever.
    pub steps: Vec<Step>,
    /// What happens to it.
    pub disturbances: Vec<Disturbance>,
}

impl Task {
    /// A context that always wants to run.
    pub fn greedy() -> Self {
        Task::of([])
    }

    /// A context that does this again and again.
    pub fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Task {
            arrives_ns: 0,
            terms: Terms::default(),
            steps: steps.into_iter().collect(),
            disturbances: Vec::new(),
        }
    }

    /// With these terms.
    pub fn with(mut self, terms: Terms) -> Self {
        self.terms = terms;
        self
    }

    /// That arrives at this time.
    pub fn at(mut self, arrives_ns: u64) -> Self {
        self.arrives_ns = arrives_ns;
        self
    }

    /// To which this happens.
    pub fn disturbed(mut self, disturbances: impl IntoIterator<Item = Disturbance>) -> Self {
        self.disturbances.extend(disturbances);
        self
    }
}
