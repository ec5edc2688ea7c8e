//! The servers that are loaded, as programs list them.

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Object, Req};
use warren_idl::{ServerStatus, SystemControl, SystemControlError};

use crate::listed::{texts, until};

/// Longest text about a server.
const TEXT_BYTES: usize = 512;

/// A server as it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerRow {
    /// Its name in the system file.
    pub name: String,
    /// Its server file.
    pub file: String,
    /// Where it was placed.
    pub placement: String,
    /// The domain it runs in.
    pub domain: String,
    /// The numbers.
    pub status: ServerStatus,
}

/// All servers, in the order of loading.
pub fn rows<S: Object>(
    cx: &mut Cx<'_, S>,
    system: &Req<dyn SystemControl>,
) -> Result<Vec<ServerRow>, SystemControlError> {
    let mut text = [0; TEXT_BYTES];
    until(SystemControlError::End, |index| {
        let status = system.server(cx, index, &mut text)?;
        let [name, file, placement, domain] = texts(&text, status.text_bytes);
        Ok(ServerRow { name, file, placement, domain, status })
    })
}
