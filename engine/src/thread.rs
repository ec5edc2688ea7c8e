//! What the engine must know of a thread: its frames and temporaries.

use crate::layout::{Frame, Temporary};

/// A thread's arrays, and where their ends are while it does not run.
#[derive(Clone, Copy, Debug)]
pub struct ThreadRecord {
    /// The thread as a lock holder.
    pub token: u64,
    /// Its first frame.
    pub frames: *mut Frame,
    /// First free frame.
    pub frame: *mut Frame,
    /// Its first temporary.
    pub temporaries: *mut Temporary,
    /// First free temporary.
    pub temporary: *mut Temporary,
}
