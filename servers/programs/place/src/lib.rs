//! `place`: which server runs where.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{Program, SystemControl};
use warren_program::{
    Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program,
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

impl Server for Place {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Place {})
    }
}

program!(Place, Run, Listing);

struct Listing;

impl Work<Run> for Listing {
    const MANUAL: Manual = Manual {
        usage: "",
        details: "Placements are chosen when the system is started: ./warren run --place SERVER=PLACEMENT.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Listing)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match rows(cx, &cx.req().system) {
            Ok(rows) => {
                output.extend(table(&rows).bytes());
                Ok(Flow::End(0))
            }
            Err(error) => handed.fail(cx, "servers", error),
        }
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
