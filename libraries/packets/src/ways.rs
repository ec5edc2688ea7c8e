//! Asking `routing` for ways, and telling it of some.

use alloc::vec::Vec;
use core::convert::Infallible;

use warren::{Cx, Object, Provides, Ref, Req, SystemError};
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

/// Says where the caller's endpoint leads. If `routing` does not work now, or refuses it, [`attend`] is going to say it.
///
/// # Errors
///
/// The thread is not to make calls any more.
pub fn announce<S>(
    cx: &mut Cx<'_, S>,
    routing: &Req<dyn Routing>,
    routes: &[Route],
) -> Result<(), SystemError>
where
    S: Object,
    S::Root: Provides<dyn Endpoint>,
{
    cx.scope(|cx| {
        let endpoint = cx.root::<dyn Endpoint>()?;
        match routing.announce(cx, endpoint, routes.as_bytes()) {
            Err(RoutingError::System(error @ (SystemError::Deadline | SystemError::Killed))) => {
                Err(error)
            }
            _ => Ok(()),
        }
    })
}

/// Waits until `routing` was restarted, and tells it again where the caller's endpoint leads; again and again. If it was between the one and the other, it says so itself.
///
/// # Errors
///
/// The thread is not to make calls any more.
pub fn attend<S>(
    cx: &mut Cx<'_, S>,
    routing: &Req<dyn Routing>,
    timer: &Req<dyn Timer>,
    leads: impl Fn(&mut Cx<'_, S>) -> Vec<Route>,
) -> Result<Infallible, SystemError>
where
    S: Object,
    S::Root: Provides<dyn Endpoint>,
{
    loop {
        let returned = cx.scope(|cx| {
            let endpoint = cx.root::<dyn Endpoint>()?;
            routing.attend(cx, endpoint)
        });
        pause(cx, timer, returned)?;
        let routes = leads(cx);
        announce(cx, routing, &routes)?;
    }
}
