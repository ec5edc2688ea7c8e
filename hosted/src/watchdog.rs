//! The watchdog: ends a call that computes for too long without calling or returning.
//!
//! Two marks tell whether a thread has moved: one in its newest frame, one in the first free frame. A
//! stub overwrites the mark of every frame that it fills in, so if both are still there, and
//! the newest frame is the same, the thread has been in one activation all the time.
#![expect(unsafe_code, reason = "marks are written into raw frames")]

use warren_engine::{instance::Instance, layout::Frame, reference};

use crate::{Hosted, machine};

/// What the watchdog saw of a thread.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// First free frame at the mark.
    frame: *mut Frame,
    /// Processor time that the thread had used at the mark.
    since_ns: u64,
}

impl Default for Watch {
    fn default() -> Self {
        Watch { frame: core::ptr::null_mut(), since_ns: 0 }
    }
}

/// Looks at the running thread; the instance whose call has lasted too long, if so. Inside a critical section.
pub fn look() -> Option<&'static Instance> {
    // SAFETY: inside a critical section, and nothing below takes the state while the borrow is used.
    let machine = unsafe { machine::state() };
    let used_ns = machine.charge();
    // SAFETY: the running thread's record is valid.
    let thread = unsafe { &mut *machine.current };
    // SAFETY: the block is valid.
    let free = unsafe { (*machine::cpu()).frame };
    // SAFETY: a thread has at least its bottom frame.
    let newest = unsafe { free.sub(1) };
    let has_free_frame = !thread.frames.guards(free as usize);
    let watch = &mut thread.watch;
    // SAFETY: the newest frame is one of the thread's.
    let newest = unsafe { &mut *newest };
    // SAFETY: the first free frame is one of the array's, as just checked.
    let mut next = has_free_frame.then(|| unsafe { &mut *free });
    let stayed = watch.frame == free
        && newest.is_marked()
        && next.as_ref().is_none_or(|frame| frame.is_marked());
    if stayed {
        let callee = reference::current::<Hosted>();
        let limit_ns = u64::from(callee.watchdog_ms) * 1_000_000;
        return (limit_ns != 0 && used_ns - watch.since_ns > limit_ns).then_some(callee);
    }
    *watch = Watch { frame: free, since_ns: used_ns };
    newest.mark(true);
    if let Some(next) = &mut next {
        next.mark(true);
    }
    None
}
