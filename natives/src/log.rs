//! `Log` and `LogFeed`: lines of servers, and the newest lines for whoever keeps more.
//!
//! A line gets the name of the server whose call brought it, which no server can change. Keeping more than the
//! newest lines, and showing them, is left to a server: [`Feed`] tells it of new lines on the thread
//! that wrote them.
#![expect(unsafe_code, reason = "the one that is told is called by the engine's own stub")]

use alloc::{boxed::Box, string::String};
use core::{
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use warren::{AtomicCx, Out, Ref};
use warren_engine::{
    layout::Object,
    platform::{Level, Platform},
    reference::{count_down, count_up},
    stub::{self, Shape, Words},
};
use warren_idl::{LogError, LogFeed, LogFollower, LogRecord};

use crate::{
    journal::{Journal, TEXT_BYTES},
    kind::caller,
    thread::start_of,
};

/// How a platform lets its journal be read.
pub type Reading = fn(&mut dyn FnMut(&Journal));

/// The system's log, for one that writes.
pub struct Log<P>(&'static Follower, PhantomData<fn() -> P>);

/// The newest lines, and who follows them.
pub struct Feed<P> {
    follower: &'static Follower,
    journal: Reading,
    platform: PhantomData<fn() -> P>,
}

crate::natives!(for P: Platform, Log<P>);
crate::natives!(for P: Platform, Feed<P>);

/// The object that is told of new lines, which is held; 0 if there is none. It changes inside `critical`.
struct Follower(AtomicU64);

/// Log and feed of a platform that gives its journal so.
pub fn log_and_feed<P>(journal: Reading) -> (Log<P>, Feed<P>) {
    let follower: &Follower = Box::leak(Box::new(Follower(AtomicU64::new(0))));
    (Log(follower, PhantomData), Feed { follower, journal, platform: PhantomData })
}

impl<P: Platform> warren_idl::Log for Log<P> {
    fn write(cx: &mut AtomicCx<'_, Self>, level: u32, line: &str) -> Result<(), LogError> {
        // A copy, so that a wild address is met here and not inside `critical`.
        let line = String::from(start_of(line, TEXT_BYTES));
        let level = match level {
            LogRecord::ERROR => Level::Error,
            LogRecord::WARNING => Level::Warning,
            _ => Level::Info,
        };
        P::critical(|| P::log(level, &caller::<P>().name, format_args!("{line}")));
        cx.state().0.tell::<P>();
        Ok(())
    }
}

impl<P: Platform> LogFeed for Feed<P> {
    fn record(
        cx: &mut AtomicCx<'_, Self>,
        number: u64,
        mut text: Out<'_>,
    ) -> Result<LogRecord, LogError> {
        let mut bytes = [0; TEXT_BYTES];
        let mut record = None;
        (cx.state().journal)(&mut |journal| record = journal.record(number, &mut bytes));
        let record = record.ok_or(LogError::End)?;
        text.fill_from(&bytes[..(record.server_bytes + record.text_bytes) as usize]);
        Ok(record)
    }

    fn follow<'f>(
        cx: &mut AtomicCx<'f, Self>,
        follower: Ref<'f, dyn LogFollower>,
    ) -> Result<(), LogError> {
        P::critical(|| {
            count_up(follower.word() as *mut Object);
            let before = cx.state().follower.0.swap(follower.word(), Relaxed) as *mut Object;
            if !before.is_null() {
                count_down::<P>(before);
            }
        });
        Ok(())
    }
}

impl Follower {
    /// Tells whoever follows that there are new lines. If it is gone, or it is what has just written, nobody is told.
    fn tell<P: Platform>(&self) {
        let object = P::critical(|| {
            let object = self.0.load(Relaxed) as *mut Object;
            if !object.is_null() {
                count_up(object);
            }
            object
        });
        if object.is_null() {
            return;
        }
        let shape = Shape { atomic: true, ..Shape::default() };
        // SAFETY: the object provides `LogFollower`, whose only function takes no word, and is held.
        unsafe { stub::invoke(object, 0, &Words::default(), shape) };
        // What nobody refers to any more is destroyed later: whoever writes keeps its lock.
        P::critical(|| count_down::<P>(object));
    }
}
