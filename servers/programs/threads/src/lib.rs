//! `threads`: what runs, and in which server.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use serde::Serialize;
use warren::{Cx, Req, Required, server};
use warren_idl::{Accounts, AccountsError, Program, ThreadStatus};
use warren_program::{
    About, List, Listing, Manual, Reporting, Trouble,
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

program!(Threads requires Needs, Run, Reporting<Listing<Row>>);

/// One thread.
#[derive(Serialize)]
struct Row {
    context: u64,
    name: String,
    principal: String,
    state: &'static str,
    cpu: u32,
    used_ns: u64,
    depth: u32,
    server: String,
}

impl List<Run> for Row {
    const MANUAL: Manual = Manual {
        usage: "[-j]",
        details: "\
-j  one JSON object for each thread
ON is the CPU where the thread runs or ran last, CPU its processor time. SERVER is where it is at this moment, DEPTH how many calls lead there. `kill CONTEXT` ends it.\n",
    };

    fn all(cx: &mut Cx<'_, Run>) -> Result<Vec<Self>, Trouble> {
        let accounts = &cx.req().accounts;
        let mut text = [0; TEXT_BYTES];
        let mut next = 0;
        let all = until(AccountsError::End, |_| {
            let status = accounts.thread(cx, next, &mut text)?;
            next = status.index + 1;
            let names = texts(&text, status.text_bytes);
            let account = accounts.account(cx, status.principal, &mut text)?;
            let [principal] = texts(&text, account.text_bytes);
            Ok(Row::new(&status, names, principal))
        });
        all.about("threads")
    }

    fn table(all: &[Self]) -> String {
        let mut table =
            Table::new(["CONTEXT", "NAME", "PRINCIPAL", "STATE", "ON", "CPU", "DEPTH", "SERVER"]);
        for Row { context, name, principal, state, cpu, used_ns, depth, server } in all {
            table.row([
                format!("{context}"),
                name.clone(),
                principal.clone(),
                String::from(*state),
                format!("{cpu}"),
                format!("{}.{:03} ms", used_ns / 1_000_000, used_ns / 1000 % 1000),
                format!("{depth}"),
                server.clone(),
            ]);
        }
        table.text()
    }
}

impl Row {
    fn new(status: &ThreadStatus, [name, server]: [String; 2], principal: String) -> Self {
        let ThreadStatus { context, cpu, used_ns, depth, .. } = *status;
        let state = state(status.state);
        Row { context, name, principal, state, cpu, used_ns, depth, server }
    }
}

fn state(state: u32) -> &'static str {
    match state {
        ThreadStatus::READY => "ready",
        ThreadStatus::LENDING => "lending",
        ThreadStatus::BLOCKED => "blocked",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use warren_program::json;

    use super::*;

    fn example() -> [Row; 1] {
        let status = ThreadStatus {
            context: 21121,
            cpu: 2,
            used_ns: 1_234_567,
            depth: 3,
            state: ThreadStatus::BLOCKED,
            ..Default::default()
        };
        [Row::new(&status, ["shell".into(), "serial".into()], "people".into())]
    }

    #[test]
    fn threads_are_shown_in_columns() {
        let shown = "\
CONTEXT  NAME   PRINCIPAL  STATE    ON  CPU       DEPTH  SERVER
21121    shell  people     blocked  2   1.234 ms  3      serial
";
        assert_eq!(Row::table(&example()), shown);
    }

    #[test]
    fn tools_get_json() {
        let expected = "{\"context\":21121,\"name\":\"shell\",\"principal\":\"people\",\
                        \"state\":\"blocked\",\"cpu\":2,\"used_ns\":1234567,\"depth\":3,\"server\":\"serial\"}\n";
        assert_eq!(json::lines(&example()), expected);
    }
}
