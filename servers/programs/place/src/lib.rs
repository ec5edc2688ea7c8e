//! `place`: which server runs where.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Req, Required, server};
use warren_idl::{Program, SystemControl};
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

/// Shows which server runs where.
#[server(provides(Program), locals(Run), summary = "show which server runs where")]
pub struct Place {}

program!(Place requires Needs, Run, Reporting<Listing>);

struct Listing;

impl Report<Run> for Listing {
    const MANUAL: Manual = Manual {
        usage: "",
        details: "Placements are chosen when the system is started: ./warren run --place SERVER=PLACEMENT.\n",
    };

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
    let mut table = Table::new(["NAME", "PLACEMENT"]);
    rows.iter().for_each(|row| table.row([row.name.clone(), row.placement.clone()]));
    table.text()
}

#[cfg(test)]
mod tests {
    use warren_program::servers::ServerRow;

    use super::table;

    #[test]
    fn placements_are_shown_in_columns() {
        let row = |name: &str, placement: &str| ServerRow {
            name: name.into(),
            placement: placement.into(),
            ..ServerRow::default()
        };
        let rows = [row("serial", "kernel"), row("shell", "own")];
        assert_eq!(table(&rows), "NAME    PLACEMENT\nserial  kernel\nshell   own\n");
    }
}
