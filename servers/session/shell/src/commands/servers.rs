//! `servers`: what runs.

use alloc::format;
use alloc::string::String;

use warren_idl::ServerStatus;

use super::Command;
use crate::arguments::Arguments;
use crate::stage::{Invocation, Started, once};
use crate::table::Table;
use crate::world::ServerRow;

pub const COMMAND: Command = Command {
    name: "servers",
    usage: "servers",
    summary: "show the servers that are loaded",
    details: "HASH is the start of the SHA-256 of the server's file.\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    Arguments::parse(invocation.arguments, "", "")?.none()?;
    once(|context, output| match context.world.servers() {
        Ok(rows) => {
            output.extend(table(&rows).bytes());
            Ok(0)
        }
        Err(error) => context.complain_about("servers", "list", error).map(|()| 1),
    })
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
