//! `services`: what went through.

use alloc::{format, string::String};

use warren::Cx;
use warren_program::{Report, table::Table};

use crate::{Run, talk::Kind};

/// Shows the counts.
pub struct Showing;

impl Report<Run> for Showing {
    const DETAILS: &str = "Anybody can reach the services: echo at port 7, discard at 9, character generator at 19, by TCP; echo by UDP, too.\n";

    fn text(cx: &mut Cx<'_, Run>) -> String {
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
        format!("{}{datagrams} datagrams were sent back by the echo.\n", table.text())
    }
}
