//! Something to run, what runs it, one run.

use warren::{Cx, Ref, errors, service};

/// Why a thread was refused.
#[errors]
pub enum ThreadError {
    /// No further thread is allowed.
    TooMany = 1,
    /// The task ended with an error of the system's or its own.
    Failed = 2,
}

/// Something that a thread can run.
#[service(id = 0x7452_0001)]
pub trait Task {
    /// Runs to its end and returns its exit status, 0 for success.
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError>;
}

/// Makes threads.
#[service(id = 0x7452_0002)]
pub trait ThreadFactory {
    /// Starts a thread that runs `task`. The thread holds a reference to it until it ends.
    fn start<'f>(
        cx: &mut Cx<'f, Self>,
        name: &str,
        task: Ref<'f, dyn Task>,
    ) -> Result<Ref<'f, dyn Thread>, ThreadError>;
}

/// One thread. Dropping the reference does not stop it.
#[service(id = 0x7452_0003)]
pub trait Thread {
    /// Waits for the end and returns the exit status.
    fn join(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError>;
}
