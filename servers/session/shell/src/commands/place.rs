//! `place`: which server runs where.

use super::Command;
use crate::arguments::Arguments;
use crate::stage::{Invocation, Started, once};
use crate::table::Table;

pub const COMMAND: Command = Command {
    name: "place",
    usage: "place",
    summary: "show which server runs where",
    details: "Placements are chosen when the system is started: ./warren run --place SERVER=PLACEMENT.\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    Arguments::parse(invocation.arguments, "", "")?.none()?;
    once(|context, output| match context.world.servers() {
        Ok(rows) => {
            let mut table = Table::new(["NAME", "PLACEMENT"]);
            for row in rows {
                table.row([row.name, row.placement]);
            }
            output.extend(table.text().bytes());
            Ok(0)
        }
        Err(error) => context.complain_about("place", "servers", error).map(|()| 1),
    })
}
