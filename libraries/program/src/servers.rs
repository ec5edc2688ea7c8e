//! The servers that are loaded, as programs list them.

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Object, Req};
use warren_idl::{ServerStatus, SystemControl, SystemControlError};

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
    let mut rows = Vec::new();
    let mut text = [0; TEXT_BYTES];
    loop {
        let status = match system.server(cx, rows.len() as u32, &mut text) {
            Ok(status) => status,
            Err(SystemControlError::End) => return Ok(rows),
            Err(error) => return Err(error),
        };
        let text = &text[..TEXT_BYTES.min(status.text_bytes as usize)];
        let mut parts = text.split(|byte| *byte == 0);
        let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into();
        let (name, file, placement, domain) = (part(), part(), part(), part());
        rows.push(ServerRow { name, file, placement, domain, status });
    }
}
