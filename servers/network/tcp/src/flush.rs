//! Sending what engines have to say, and waiting for what they hear.

use alloc::rc::Rc;

use warren::{Cx, Kept, Object, Serial, SystemError};
use warren_idl::{Address, EndpointError, TcpError, Way};
use warren_packets::{Indices, ways};
use warren_waiting::{Bell, wait_at};

use crate::{
    TcpServer,
    arrival::TCP,
    outgoing::ToStation,
    stack::{Door, KEPT_FOR_HEADERS, Stack},
};

/// Buffers that are taken at least, when some are.
const MEAL: usize = 16;

/// What time it is.
pub fn now<S>(cx: &Cx<'_, S>) -> Result<u64, SystemError>
where
    S: Object<Root = TcpServer>,
{
    cx.req().clock.now_ns().map_err(|_| SystemError::Lost)
}

/// Sends what a principal's engine has to say, and tells those who wait for what it has heard. If another thread of the principal is sending, that one does it.
///
/// # Errors
///
/// `Deadline` and `Killed`, when the thread is not to make calls any more. What was not sent then is lost, as it could be on its way.
pub fn flush<S>(cx: &mut Cx<'_, S>, stack: &Rc<Stack>) -> Result<(), SystemError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    if stack.is_quiet() {
        stack.ring()?;
        return give_spent(cx, stack, stack.given_together()).map(drop);
    }
    flush_at(cx, stack, now(cx)?)
}

/// The same for whoever knows what time it is.
///
/// # Errors
///
/// Those of [`flush`].
pub fn flush_at<S>(cx: &mut Cx<'_, S>, stack: &Rc<Stack>, now_ns: u64) -> Result<(), SystemError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    if stack.begin_sending() {
        let sent = send(cx, stack, now_ns);
        stack.end_sending();
        stack.ring()?;
        if stack.wants_thread() {
            stack.work.ring()?;
        }
        sent?;
    }
    give_spent(cx, stack, stack.given_together()).map(drop)
}

fn send<S>(cx: &mut Cx<'_, S>, stack: &Rc<Stack>, mut now_ns: u64) -> Result<(), SystemError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    loop {
        if stack.fresh() < KEPT_FOR_HEADERS / 2 {
            feed(cx, stack, MEAL)?;
        }
        if let Some(sent) = stack.sent(stack.given_together()) {
            give(cx, stack, &sent)?;
        }
        let mut batches = stack.transmit(now_ns);
        let was_all = batches.is_empty();
        for batch in batches.drain(..) {
            send_batch(cx, stack, &batch)?;
        }
        stack.keep_room(batches);
        // More may have come while these were handed on.
        if was_all || stack.is_quiet() {
            return Ok(());
        }
        now_ns = now(cx)?;
    }
}

fn send_batch<S>(
    cx: &mut Cx<'_, S>,
    stack: &Rc<Stack>,
    batch: &ToStation,
) -> Result<(), SystemError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    let ToStation { source, destination, segments, .. } = batch;
    let count = segments.packets().count() as u64;
    stack.common().count(|counts| counts.sent += count);
    let unsent = || stack.common().count(|counts| counts.unsent += count);
    let known = match stack.way(destination) {
        Some(known) => Some(known),
        None => match find_way(cx, stack, destination) {
            Err(TcpError::System(error @ (SystemError::Deadline | SystemError::Killed))) => {
                return Err(error);
            }
            _ => stack.way(destination),
        },
    };
    // What is not sent is lost, as it could be on its way.
    let Some((way, endpoint)) = known else {
        unsent();
        return Ok(());
    };
    let way = Way { source: *source, ..way };
    let endpoint = Kept::as_ref(&endpoint);
    match endpoint.send(cx, TCP, &way, segments.as_bytes()) {
        Ok(()) => Ok(()),
        Err(EndpointError::System(error @ (SystemError::Deadline | SystemError::Killed))) => {
            Err(error)
        }
        Err(error) => {
            unsent();
            // The next one asks again.
            if matches!(error, EndpointError::Unreachable | EndpointError::System(_)) {
                stack.forget_ways();
            }
            Ok(())
        }
    }
}

/// Asks for the way to a station, and notes it.
///
/// # Errors
///
/// There is none, or none at this time.
pub fn find_way<S>(
    cx: &mut Cx<'_, S>,
    stack: &Rc<Stack>,
    station: &Address,
) -> Result<Way, TcpError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    cx.scope(|cx| match ways::route(cx, &cx.req().routing, station) {
        Ok((endpoint, way)) => {
            stack.note_way(&way, endpoint)?;
            Ok(way)
        }
        Err(error) => {
            stack.note_no_way(*station);
            // A server below has died, and may come back.
            match TcpError::from(error) {
                TcpError::System(SystemError::Lost) => Err(TcpError::Unreachable),
                error => Err(error),
            }
        }
    })
}

/// Takes buffers for a principal, if there are any.
pub fn feed<S>(cx: &mut Cx<'_, S>, stack: &Rc<Stack>, count: usize) -> Result<(), SystemError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    let mut taken = stack.share.take(cx, count.max(MEAL));
    // What is not needed any more may be what there is too much of.
    if taken.is_err() && give_spent(cx, stack, 1)? {
        taken = stack.share.take(cx, count.max(MEAL));
    }
    match taken.map_err(TcpError::from) {
        Ok(buffers) => {
            stack.feed(buffers);
            Ok(())
        }
        Err(TcpError::System(error)) => Err(error),
        Err(_) => {
            stack.starve();
            Ok(())
        }
    }
}

/// Gives back buffers of segments that have arrived, if they are as many as is worth it. Whether there were any.
///
/// # Errors
///
/// `Deadline` and `Killed`, when the thread is not to make calls any more.
pub fn give_spent<S>(
    cx: &mut Cx<'_, S>,
    stack: &Rc<Stack>,
    worth: usize,
) -> Result<bool, SystemError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    let Some(spent) = stack.spent(worth) else { return Ok(false) };
    give(cx, stack, &spent)?;
    Ok(true)
}

/// Gives buffers back.
fn give<S>(cx: &mut Cx<'_, S>, stack: &Rc<Stack>, spent: &Indices) -> Result<(), SystemError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    match stack.share.give(cx, spent).map_err(TcpError::from) {
        Err(TcpError::System(error)) => Err(error),
        _ => Ok(()),
    }
}

/// Waits at a door until `look` finds what the caller wants.
///
/// # Errors
///
/// `Deadline` and `Killed`, when the thread is not to wait any more; `Budget` if there is no room for a signal.
pub fn wait<S, R>(
    cx: &mut Cx<'_, S>,
    door: &Door,
    look: impl Fn(&S) -> Option<R>,
) -> Result<R, SystemError>
where
    S: Object<Root = TcpServer, Access = Serial>,
{
    if let Some(found) = look(cx) {
        return Ok(found);
    }
    let known = door.borrow().clone();
    let bell = match known {
        Some(bell) => bell,
        None => {
            let bell = Bell::new(cx, &cx.req().signals)?;
            // Another thread may have been quicker.
            door.borrow_mut().get_or_insert(bell).clone()
        }
    };
    wait_at(cx, &bell, look)
}
