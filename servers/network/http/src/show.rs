//! `http`: what was served.

use alloc::{format, string::String, vec::Vec};

use warren::Cx;
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work};

use crate::Run;

/// Shows the counts.
pub struct Showing;

impl Work<Run> for Showing {
    const MANUAL: Manual =
        Manual { usage: "", details: "Files are served at port 80, to anybody who reaches it.\n" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Showing)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        _handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let counts = cx.parent().counts;
        let text = format!(
            "answered {} requests, {} of them by errors, with {} bytes of files\n",
            counts.requests, counts.errors, counts.bytes
        );
        output.extend(text.bytes());
        Ok(Flow::End(0))
    }
}
