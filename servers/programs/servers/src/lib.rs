//! `servers`: what runs.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Req, Required, server};
use warren_idl::{Program, ServerStatus, SystemControl};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError, program,
    servers::{ServerRow, rows},
    table::Table,
};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    system: Req<dyn SystemControl>,
}

/// Shows the servers that are loaded.
#[server(provides(Program), locals(Run), summary = "show the servers that are loaded")]
pub struct Servers {}

program!(Servers requires Needs, Run, Reporting<Listing>);

struct Listing;

impl Report<Run> for Listing {
    const MANUAL: Manual =
        Manual { usage: "", details: "HASH is the start of the SHA-256 of the server's file.\n" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Listing)
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        let rows = rows(cx, &cx.req().system).about("servers")?;
        Ok(table(&rows))
    }
}

fn table(rows: &[ServerRow]) -> String {
    let mut table = Table::new([
        "NAME",
        "FILE",
        "PLACEMENT",
        "DOMAIN",
        "STATE",
        "OBJECTS",
        "RESTARTS",
        "MEMORY",
        "HASH",
    ]);
    for row in rows {
        let status = &row.status;
        table.row([
            row.name.clone(),
            row.file.clone(),
            row.placement.clone(),
            row.domain.clone(),
            String::from(state(status.state)),
            format!("{}", status.objects),
            format!("{}", status.restarts),
            format!("{} KiB", status.memory_bytes.div_ceil(1024)),
            format!("{:016x}", status.file_hash),
        ]);
    }
    table.text()
}

fn state(state: u32) -> &'static str {
    match state {
        ServerStatus::ALIVE => "alive",
        ServerStatus::DEAD => "dead",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use warren_idl::ServerStatus;
    use warren_program::servers::ServerRow;

    use super::table;

    #[test]
    fn servers_are_shown_in_columns() {
        let row = |name: &str, placement: &str, state| ServerRow {
            name: name.into(),
            file: name.into(),
            placement: placement.into(),
            domain: "2".into(),
            status: ServerStatus {
                state,
                objects: 3,
                memory_bytes: 5000,
                file_hash: 0xabc,
                ..ServerStatus::default()
            },
        };
        let rows =
            [row("serial", "kernel", ServerStatus::ALIVE), row("shell", "own", ServerStatus::DEAD)];
        let shown = "\
NAME    FILE    PLACEMENT  DOMAIN  STATE  OBJECTS  RESTARTS  MEMORY  HASH
serial  serial  kernel     2       alive  3        0         5 KiB   0000000000000abc
shell   shell   own        2       dead   3        0         5 KiB   0000000000000abc
";
        assert_eq!(table(&rows), shown);
    }
}
