//! `Parameters`: what the plan says to the server that asks, or else whoever started the machine.
#![expect(unsafe_code, reason = "the engine's tables are reached in a critical section")]

use alloc::string::String;
use core::marker::PhantomData;

use warren::{AtomicCx, Out};
use warren_engine::{platform::Platform, reference::tables};
use warren_idl::ParameterError;

use crate::kind::caller;

/// The parameters of whoever asks.
pub struct Parameters<P> {
    machine: fn(&str) -> Option<String>,
    platform: PhantomData<fn() -> P>,
}

crate::natives!(for P: Platform, Parameters<P>);

impl<P> Parameters<P> {
    /// The parameters of the platform's own plan, and what `machine` gives for a name that the plan does not set.
    pub const fn new(machine: fn(&str) -> Option<String>) -> Self {
        Parameters { machine, platform: PhantomData }
    }
}

impl<P: Platform> warren_idl::Parameters for Parameters<P> {
    fn get(
        cx: &mut AtomicCx<'_, Self>,
        name: &str,
        mut value: Out<'_>,
    ) -> Result<u64, ParameterError> {
        let planned = caller::<P>().planned.ok_or(ParameterError::Unset)?;
        let text: Option<String> = P::critical(|| {
            // SAFETY: inside `critical`.
            let parameters = &unsafe { tables::<P>() }.plan.servers[planned].parameters;
            parameters.iter().find(|(key, _)| key == name).map(|(_, text)| text.clone())
        });
        let text = text.or_else(|| (cx.state().machine)(name)).ok_or(ParameterError::Unset)?;
        value.fill_from(text.as_bytes());
        Ok(text.len() as u64)
    }
}
