//! The log: who wrote what.

use alloc::format;

use warren::Cx;
use warren_idl::{LogError, LogRecord};

use crate::{
    Failure, Run,
    report::{equal, same_bytes},
};

/// The check of the log.
pub const NAME: &str = "a line of the log has its writer's name";

/// Every exerciser's name in the system file starts so.
const WRITER: &[u8] = b"exerciser-";

/// Writes a line that claims to be another server's, and looks for it.
pub fn check(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let needs = cx.req();
    let claim = format!("\nlog: written at {} ns", needs.clock.now_ns()?);
    needs.log.write(LogRecord::WARNING, &claim)?;
    let line = format!("\\n{}", &claim[1..]);
    let (mut number, mut text) = (0, [0; 2048]);
    loop {
        let record = match needs.book.record(cx, number, &mut text) {
            Ok(record) => record,
            Err(LogError::End) => return Err(Failure::Refused("a line")),
            Err(error) => return Err(error.into()),
        };
        let (server, rest) = text.split_at(record.server_bytes as usize);
        if &rest[..record.text_bytes as usize] == line.as_bytes() {
            equal("the level", record.level.into(), LogRecord::WARNING.into())?;
            return same_bytes("the writer", &server[..WRITER.len()], WRITER);
        }
        number = record.number + 1;
    }
}
