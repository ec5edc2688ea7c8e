//! `Sampling`: which servers principals spend their time in.

use alloc::string::String;

use warren::{Cx, Out};
use warren_idl::{AccountsError, SampleStatus};

use crate::{cpu::interrupts, system, threads::sampling};

/// The platform's own part, as a server is called.
const PLATFORM: &str = "kernel";

/// The samples that are taken as long as this is there.
pub struct Samples(());

warren_natives::natives!(Samples);

impl Samples {
    /// Takes samples from now on.
    pub fn start(interval_ns: u64) -> Result<Self, AccountsError> {
        match sampling::start(interval_ns) {
            Ok(()) => Ok(Samples(())),
            Err(sampling::Refusal::Busy) => Err(AccountsError::Busy),
            Err(sampling::Refusal::Exhausted) => Err(warren::SystemError::Budget.into()),
        }
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        sampling::stop();
    }
}

impl warren_idl::Sampling for Samples {
    fn entry(
        _: &mut Cx<'_, Self>,
        index: u32,
        mut text: Out<'_>,
    ) -> Result<SampleStatus, AccountsError> {
        let (name, status) = interrupts::off(|| {
            let found = sampling::found(index as usize)?;
            let planned = found.server.map(|server| &system::tables().plan.servers[server]);
            let name = planned.map_or(PLATFORM, |planned| &planned.name);
            let status = SampleStatus {
                index: found.index as u32,
                principal: found.principal as u32,
                samples: found.count,
                text_bytes: name.len() as u32,
            };
            Some((String::from(name), status))
        })
        .ok_or(AccountsError::End)?;
        text.fill_from(name.as_bytes());
        Ok(status)
    }
}
