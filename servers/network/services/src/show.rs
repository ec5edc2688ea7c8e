//! `services`: what went through.

use alloc::{format, string::String, vec::Vec};

use warren::Cx;
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, table::Table};

use crate::{Run, talk::Kind};

/// Shows the counts.
pub struct Showing;

impl Work<Run> for Showing {
    const MANUAL: Manual = Manual {
        usage: "",
        details: "Anybody can reach the services: echo at port 7, discard at 9, character generator at 19.\n",
    };

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
        let mut table = Table::new(["SERVICE", "PORT", "CONNECTIONS", "BYTES"]);
        for kind in Kind::ALL {
            let count = counts[kind as usize];
            table.row([
                kind.name().into(),
                format!("{}", kind.port()),
                format!("{}", count.conversations),
                format!("{}", count.bytes),
            ]);
        }
        output.extend(table.text().bytes());
        Ok(Flow::End(0))
    }
}
