//! `accounts`: who has used what.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod samples;

use alloc::{format, string::String, vec::Vec};

use serde::Serialize;
use warren::{Cx, Req, Required, server};
use warren_idl::{AccountStatus, Accounts, AccountsError, Program, SystemTime, Timer};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError, json,
    listed::{texts, until},
    program,
    table::Table,
};

use crate::samples::While;

/// Longest name that is shown.
const NAME_BYTES: usize = 64;

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    accounts: Req<dyn Accounts>,
    timer: Req<dyn Timer>,
}

/// Shows who has used what.
#[server(provides(Program), locals(Run), summary = "show who has used what")]
pub struct AccountsProgram {}

program!(AccountsProgram requires Needs, Run, Reporting<Listing>);

struct Listing {
    json: bool,
    /// How long samples are to be taken; the books are shown if they are not.
    sampling: Option<While>,
}

/// One principal.
#[derive(Serialize)]
struct Row {
    principal: u32,
    name: String,
    #[serde(flatten, serialize_with = "json::fields")]
    status: AccountStatus,
}

impl Report<Run> for Listing {
    const MANUAL: Manual = Manual {
        usage: "[-j] [-s SECONDS | -w]",
        details: "\
-j  one JSON object for each principal, and one for the time, in nanoseconds and bytes
-s  look ten times in a millisecond, for so many seconds, who runs in which server, and show how often whom
-w  the same while a command runs: `sha256 /docs/* | accounts -w`
CPU is processor time on all CPUs since the start, HELPED the part of it that went to holders of locks. OBJECTS were made for the
principal, wherever they are; REFERENCES are those that its servers keep.
The last line is the time in which nobody ran. All lines together are the time that passed, on each CPU.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "jw", "s")?;
        let json = arguments.has('j');
        let sampling = match (arguments.number('s')?, arguments.has('w')) {
            (None, false) => None,
            (None, true) => Some(While::Input),
            (Some(seconds), false) => Some(While::Time(seconds.saturating_mul(1_000_000_000))),
            (Some(_), true) => return Err(UsageError("-s and -w exclude each other".into())),
        };
        arguments.none()?;
        Ok(Listing { json, sampling })
    }

    fn text(&self, cx: &mut Cx<'_, Run>, handed: &Handed) -> Result<String, Trouble> {
        if let Some(how_long) = self.sampling {
            let all = samples::take(cx, handed, how_long)?;
            return Ok(if self.json { json::lines(&all) } else { samples::table(&all) });
        }
        let rows = rows(cx).about("accounts")?;
        let time = cx.req().accounts.time(cx).about("accounts")?;
        Ok(if self.json { json(&rows, &time) } else { table(&rows, &time) })
    }
}

fn rows(cx: &mut Cx<'_, Run>) -> Result<Vec<Row>, AccountsError> {
    let mut text = [0; NAME_BYTES];
    until(AccountsError::End, |index| {
        let status = cx.req().accounts.account(cx, index, &mut text)?;
        let [name] = texts(&text, status.text_bytes);
        Ok(Row { principal: index, name, status })
    })
}

fn table(rows: &[Row], time: &SystemTime) -> String {
    let mut table = Table::new([
        "PRINCIPAL",
        "WITHIN",
        "CPU",
        "HELPED",
        "GUARANTEE",
        "MEMORY",
        "THREADS",
        "OBJECTS",
        "REFERENCES",
    ]);
    for Row { name, status, .. } in rows {
        let within = rows.get(status.parent as usize).filter(|parent| parent.name != *name);
        table.row([
            name.clone(),
            within.map_or(String::from("-"), |parent| parent.name.clone()),
            milliseconds(status.used_ns),
            milliseconds(status.helped_ns),
            guarantee(status),
            limited(status.memory_bytes.div_ceil(1024), status.memory_limit / 1024, " KiB"),
            limited(status.threads.into(), status.thread_limit.into(), ""),
            limited(status.objects.into(), status.object_limit.into(), ""),
            limited(status.references.into(), status.reference_limit.into(), ""),
        ]);
    }
    let mut idle: [String; 9] = core::array::from_fn(|_| String::from("-"));
    idle[0] = String::from("(idle)");
    idle[2] = milliseconds(time.idle_ns);
    table.row(idle);
    table.text()
}

fn milliseconds(ns: u64) -> String {
    format!("{}.{:03} ms", ns / 1_000_000, ns / 1000 % 1000)
}

fn guarantee(status: &AccountStatus) -> String {
    match status.slice_ns {
        0 => String::from("-"),
        slice => format!("{} of {}", milliseconds(slice), milliseconds(status.period_ns)),
    }
}

/// A number, and its limit if there is one.
fn limited(number: u64, limit: u64, unit: &str) -> String {
    match limit {
        0 => format!("{number}{unit}"),
        limit => format!("{number} of {limit}{unit}"),
    }
}

fn json(rows: &[Row], time: &SystemTime) -> String {
    json::lines(rows) + &json::shown(&[*time])
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn example() -> Vec<Row> {
        let system = AccountStatus { used_ns: 12_345_678, threads: 3, ..Default::default() };
        let media = AccountStatus {
            used_ns: 2_000_000,
            helped_ns: 500_000,
            memory_bytes: 5000,
            memory_limit: 1 << 20,
            slice_ns: 5_000_000,
            period_ns: 40_000_000,
            threads: 1,
            thread_limit: 8,
            objects: 20,
            object_limit: 500,
            references: 30,
            ..Default::default()
        };
        vec![
            Row { principal: 0, name: "system".into(), status: system },
            Row { principal: 1, name: "media".into(), status: media },
        ]
    }

    #[test]
    fn accounts_are_shown_in_columns() {
        let time = SystemTime { elapsed_ns: 20_000_000, idle_ns: 5_654_322 };
        let shown = "\
PRINCIPAL  WITHIN  CPU        HELPED    GUARANTEE              MEMORY         THREADS  OBJECTS    REFERENCES
system     -       12.345 ms  0.000 ms  -                      0 KiB          3        0          0
media      system  2.000 ms   0.500 ms  5.000 ms of 40.000 ms  5 of 1024 KiB  1 of 8   20 of 500  30
(idle)     -       5.654 ms   -         -                      -              -        -          -
";
        assert_eq!(table(&example(), &time), shown);
    }

    #[test]
    fn tools_get_json() {
        let text = json(&example(), &SystemTime { elapsed_ns: 9, idle_ns: 4 });
        let mut lines = text.lines().skip(1);
        assert_eq!(
            lines.next(),
            Some(
                "{\"principal\":1,\"name\":\"media\",\"parent\":0,\"used_ns\":2000000,\
                 \"helped_ns\":500000,\"memory_bytes\":5000,\"memory_limit\":1048576,\
                 \"slice_ns\":5000000,\"period_ns\":40000000,\"threads\":1,\"thread_limit\":8,\
                 \"objects\":20,\"object_limit\":500,\"references\":30,\"reference_limit\":0}"
            )
        );
        assert_eq!(lines.next(), Some("{\"elapsed_ns\":9,\"idle_ns\":4}"));
    }
}
