//! `threads`: what runs, and in which server.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Req, Required, server};
use warren_idl::{Accounts, AccountsError, Program, ThreadStatus};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError,
    listed::{texts, until},
    program,
    table::Table,
};

/// Longest text about a thread.
const TEXT_BYTES: usize = 256;

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    accounts: Req<dyn Accounts>,
}

/// Shows the threads of the system.
#[server(provides(Program), locals(Run), summary = "show the threads of the system")]
pub struct Threads {}

program!(Threads requires Needs, Run, Reporting<Listing>);

struct Listing {
    json: bool,
}

/// One thread.
struct Row {
    name: String,
    server: String,
    principal: String,
    status: ThreadStatus,
}

impl Report<Run> for Listing {
    const MANUAL: Manual = Manual {
        usage: "[-j]",
        details: "\
-j  one JSON object for each thread
ON is the CPU where the thread runs or ran last, CPU its processor time. SERVER is where it is at this moment, DEPTH how many calls lead there. `kill CONTEXT` ends it.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "j", "")?;
        let json = arguments.has('j');
        arguments.none()?;
        Ok(Listing { json })
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        let rows = rows(cx).about("threads")?;
        Ok(if self.json { json(&rows) } else { table(&rows) })
    }
}

fn rows(cx: &mut Cx<'_, Run>) -> Result<Vec<Row>, AccountsError> {
    let accounts = &cx.req().accounts;
    let mut text = [0; TEXT_BYTES];
    let mut next = 0;
    until(AccountsError::End, |_| {
        let status = accounts.thread(cx, next, &mut text)?;
        next = status.index + 1;
        let [name, server] = texts(&text, status.text_bytes);
        let account = accounts.account(cx, status.principal, &mut text)?;
        let [principal] = texts(&text, account.text_bytes);
        Ok(Row { name, server, principal, status })
    })
}

fn table(rows: &[Row]) -> String {
    let mut table =
        Table::new(["CONTEXT", "NAME", "PRINCIPAL", "STATE", "ON", "CPU", "DEPTH", "SERVER"]);
    for Row { name, server, principal, status } in rows {
        table.row([
            format!("{}", status.context),
            name.clone(),
            principal.clone(),
            String::from(state(status.state)),
            format!("{}", status.cpu),
            format!("{}.{:03} ms", status.used_ns / 1_000_000, status.used_ns / 1000 % 1000),
            format!("{}", status.depth),
            server.clone(),
        ]);
    }
    table.text()
}

fn state(state: u32) -> &'static str {
    match state {
        ThreadStatus::READY => "ready",
        ThreadStatus::LENDING => "lending",
        ThreadStatus::BLOCKED => "blocked",
        _ => "unknown",
    }
}

fn json(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { name, server, principal, status } in rows {
        let ThreadStatus { context, cpu, used_ns, depth, .. } = status;
        let state = state(status.state);
        text += &format!(
            "{{\"context\":{context},\"name\":{name:?},\"principal\":{principal:?},\
             \"state\":{state:?},\"cpu\":{cpu},\"used_ns\":{used_ns},\"depth\":{depth},\"server\":{server:?}}}\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> [Row; 1] {
        [Row {
            name: "shell".into(),
            server: "serial".into(),
            principal: "people".into(),
            status: ThreadStatus {
                context: 21121,
                cpu: 2,
                used_ns: 1_234_567,
                depth: 3,
                state: ThreadStatus::BLOCKED,
                ..Default::default()
            },
        }]
    }

    #[test]
    fn threads_are_shown_in_columns() {
        let shown = "\
CONTEXT  NAME   PRINCIPAL  STATE    ON  CPU       DEPTH  SERVER
21121    shell  people     blocked  2   1.234 ms  3      serial
";
        assert_eq!(table(&example()), shown);
    }

    #[test]
    fn tools_get_json() {
        let expected = "{\"context\":21121,\"name\":\"shell\",\"principal\":\"people\",\
                        \"state\":\"blocked\",\"cpu\":2,\"used_ns\":1234567,\"depth\":3,\"server\":\"serial\"}\n";
        assert_eq!(json(&example()), expected);
    }
}
