//! `http`: what was served.

use alloc::{format, string::String, vec::Vec};

use warren::Cx;
use warren_program::{Arguments, Handed, Manual, Report, Trouble, UsageError};

use crate::Run;

/// Shows the counts.
pub struct Showing;

impl Report<Run> for Showing {
    const MANUAL: Manual =
        Manual { usage: "", details: "Files are served at port 80, to anybody who reaches it.\n" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Showing)
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        let counts = cx.parent().counts;
        Ok(format!(
            "answered {} requests, {} of them by errors, with {} bytes of files\n",
            counts.requests, counts.errors, counts.bytes
        ))
    }
}
