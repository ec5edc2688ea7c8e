//! `http`: what was served.

use alloc::{format, string::String};

use warren::Cx;
use warren_program::Report;

use crate::Run;

/// Shows the counts.
pub struct Showing;

impl Report<Run> for Showing {
    const DETAILS: &str = "Files are served at port 80, to anybody who reaches it.\n";

    fn text(cx: &mut Cx<'_, Run>) -> String {
        let counts = cx.parent().counts;
        format!(
            "answered {} requests, {} of them by errors, with {} bytes of files\n",
            counts.requests, counts.errors, counts.bytes
        )
    }
}
