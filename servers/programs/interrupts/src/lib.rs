//! `interrupts`: what interrupts, and how often which CPU.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Req, Required, server};
use warren_idl::{InterruptCounts, InterruptError, LineStatus, Program};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError, listed::until,
    program, table::Table,
};
use zerocopy::IntoBytes;

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    counts: Req<dyn InterruptCounts>,
}

/// Shows the interrupt lines of the system.
#[server(provides(Program), locals(Run), summary = "show what interrupts, and how often")]
pub struct Interrupts {}

program!(Interrupts requires Needs, Run, Reporting<Listing>);

struct Listing {
    json: bool,
}

/// One line.
struct Row {
    status: LineStatus,
    by_cpu: Vec<u64>,
}

impl Report<Run> for Listing {
    const MANUAL: Manual = Manual {
        usage: "[-j]",
        details: "\
-j  one JSON object for each line
A line is a level or an edge at an interrupt controller, or a device's message. ON is the CPU that it interrupts at present, BY CPU how many
interrupts each CPU has taken, from CPU 0 on.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "j", "")?;
        let json = arguments.has('j');
        arguments.none()?;
        Ok(Listing { json })
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        let rows = rows(cx).about("interrupts")?;
        Ok(if self.json { json(&rows) } else { table(&rows) })
    }
}

/// The most CPUs that a system has.
const CPUS: usize = 64;

fn rows(cx: &mut Cx<'_, Run>) -> Result<Vec<Row>, InterruptError> {
    let counts = &cx.req().counts;
    let mut next = 0;
    until(InterruptError::NoSuchLine, |_| {
        let mut by_cpu = [0; CPUS];
        let status = counts.line(cx, next, by_cpu.as_mut_bytes())?;
        next = status.line + 1;
        Ok(Row { status, by_cpu: by_cpu.into_iter().take(status.cpus as usize).collect() })
    })
}

fn kind(kind: u32) -> &'static str {
    match kind {
        LineStatus::LEVEL => "level",
        LineStatus::EDGE => "edge",
        LineStatus::MESSAGE => "message",
        _ => "unknown",
    }
}

fn joined(numbers: &[u64], between: &str) -> String {
    numbers.iter().map(|number| format!("{number}")).collect::<Vec<_>>().join(between)
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new(["LINE", "KIND", "ON", "COUNT", "BY CPU"]);
    for Row { status, by_cpu } in rows {
        table.row([
            format!("{}", status.line),
            String::from(kind(status.kind)),
            format!("{}", status.cpu),
            format!("{}", status.count),
            joined(by_cpu, " "),
        ]);
    }
    table.text()
}

fn json(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { status: LineStatus { line, kind: number, cpu, count, .. }, by_cpu } in rows {
        let (kind, by_cpu) = (kind(*number), joined(by_cpu, ","));
        text += &format!(
            "{{\"line\":{line},\"kind\":\"{kind}\",\"cpu\":{cpu},\"count\":{count},\"by_cpu\":[{by_cpu}]}}\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn example() -> [Row; 1] {
        let status = LineStatus { line: 64, kind: LineStatus::MESSAGE, cpu: 1, cpus: 2, count: 12 };
        [Row { status, by_cpu: vec![2, 10] }]
    }

    #[test]
    fn lines_are_shown_in_columns() {
        let shown = "\
LINE  KIND     ON  COUNT  BY CPU
64    message  1   12     2 10
";
        assert_eq!(table(&example()), shown);
    }

    #[test]
    fn tools_get_json() {
        let expected =
            "{\"line\":64,\"kind\":\"message\",\"cpu\":1,\"count\":12,\"by_cpu\":[2,10]}\n";
        assert_eq!(json(&example()), expected);
    }
}
