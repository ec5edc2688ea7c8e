//! Asking `routing` for ways, and telling it of some.

use warren::{Cx, Ref, Req, SystemError};
use warren_idl::{Address, Endpoint, Route, Routing, RoutingError, Timer, Way};
use warren_waiting::pause;
use zerocopy::IntoBytes;

/// The endpoint that leads to an address, and how.
///
/// # Errors
///
/// `Unreachable`, if none does.
pub fn route<'f, S>(
    cx: &mut Cx<'f, S>,
    routing: &Req<dyn Routing>,
    destination: &Address,
) -> Result<(Ref<'f, dyn Endpoint>, Way), RoutingError> {
    let mut way = Way::default();
    let endpoint = routing.route(cx, destination, way.as_mut_bytes())?;
    Ok((endpoint, way))
}

/// Says where an endpoint leads. If `routing` does not work now, [`attend`] is going to say it.
///
/// # Errors
///
/// The thread is not to make calls any more.
pub fn announce<S>(
    cx: &mut Cx<'_, S>,
    routing: &Req<dyn Routing>,
    endpoint: Ref<'_, dyn Endpoint>,
    routes: &[Route],
) -> Result<(), SystemError> {
    match routing.announce(cx, endpoint, routes.as_bytes()) {
        Err(RoutingError::System(error @ (SystemError::Deadline | SystemError::Killed))) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Waits until `routing` was restarted, and is to be told again.
///
/// # Errors
///
/// The thread is not to make calls any more.
pub fn attend<S>(
    cx: &mut Cx<'_, S>,
    routing: &Req<dyn Routing>,
    timer: &Req<dyn Timer>,
) -> Result<(), SystemError> {
    let returned = routing.attend(cx);
    pause(cx, timer, returned)
}
