//! `services`: what went through.

use alloc::{format, string::String, vec::Vec};

use warren::Cx;
use warren_program::{Arguments, Handed, Manual, Report, Trouble, UsageError, table::Table};

use crate::{Run, talk::Kind};

/// Shows the counts.
pub struct Showing;

impl Report<Run> for Showing {
    const MANUAL: Manual = Manual {
        usage: "",
        details: "Anybody can reach the services: echo at port 7, discard at 9, character generator at 19, by TCP; echo by UDP, too.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Showing)
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        let (counts, datagrams) = (cx.parent().counts, cx.parent().datagrams);
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
        Ok(format!("{}{datagrams} datagrams were sent back by the echo.\n", table.text()))
    }
}
