//! Starting to be served: a server whose layer below does not hand it packets yet is not ready for whoever sends by it, because the answers would
//! be lost.
//!
//! A server that hands packets on begins with an empty batch ([`distribution::serve`](crate::distribution::serve)). Until that has come, the `start` hook of
//! whoever is served waits in [`wait`].

use core::{cell::Cell, convert::Infallible};

use warren::{Cx, Object, Provides, Ref, Req, Serial, ServiceError, SystemError};
use warren_idl::{Clock, Signals, Sink, SinkError, Timer};
use warren_waiting::{Bell, pause, wait_at_until};

use crate::batch::Batch;

/// How long to wait for a layer below that does not work. It is called again and again, and may work later.
const PATIENCE_NS: u64 = 1_000_000_000;

/// Whether a server has ever been served.
pub struct Ready {
    served: Cell<bool>,
    bell: Bell,
}

impl Ready {
    /// It has not.
    ///
    /// # Errors
    ///
    /// `Budget` if there is no room for a signal.
    pub fn new<S>(cx: &mut Cx<'_, S>, signals: &Req<dyn Signals>) -> Result<Self, SystemError> {
        Ok(Ready { served: Cell::new(false), bell: Bell::new(cx, signals)? })
    }
}

/// A server that is served packets.
pub trait Served: Object<Access = Serial> {
    /// Whether it has been.
    fn ready(&self) -> &Ready;
}

/// Notes that packets come from now on.
///
/// # Errors
///
/// `Lost`, when the system itself is at its end.
pub fn tell<S: Served>(cx: &mut Cx<'_, S>) -> Result<(), SystemError> {
    cx.ready().served.set(true);
    cx.ready().bell.ring()
}

/// The packets that a sink is handed. None of them says that packets come from now on.
///
/// # Errors
///
/// `BadRecord`: they are no packets.
pub fn receive<S: Served>(cx: &mut Cx<'_, S>, packets: &[u8]) -> Result<Batch, SinkError> {
    if packets.is_empty() {
        tell(cx)?;
    }
    Ok(Batch::read(packets)?)
}

/// Lets `serve` hand the server packets, which does not return as long as they come; and lets it do so again, when the layer below has been restarted.
///
/// # Errors
///
/// The thread is not to wait any more.
pub fn be_served<'f, S, E: ServiceError>(
    cx: &mut Cx<'f, S>,
    timer: &Req<dyn Timer>,
    serve: impl Fn(&mut Cx<'f, S>, Ref<'f, dyn Sink>) -> Result<(), E>,
) -> Result<Infallible, SystemError>
where
    S: Object,
    S::Root: Provides<dyn Sink>,
{
    let sink = cx.root::<dyn Sink>()?;
    loop {
        let returned = serve(cx, sink);
        pause(cx, timer, returned)?;
    }
}

/// Waits until packets come, or the layer below has taken too long.
///
/// # Errors
///
/// The thread is not to wait any more.
pub fn wait<S: Served>(cx: &mut Cx<'_, S>, clock: &Req<dyn Clock>) -> Result<(), SystemError> {
    let until_ns = clock.now_ns().map_err(|_| SystemError::Lost)? + PATIENCE_NS;
    let look = |server: &S| server.ready().served.get().then_some(());
    let bell = cx.ready().bell.clone();
    wait_at_until(cx, &bell, until_ns, look).map(drop)
}
