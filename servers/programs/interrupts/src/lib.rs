//! `interrupts`: what interrupts, and how often which CPU.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use serde::Serialize;
use warren::{Cx, Req, Required, server};
use warren_idl::{InterruptCounts, InterruptError, LineStatus, Program};
use warren_program::{
    About, List, Listing, Manual, Reporting, Trouble, listed::until, program, table::Table,
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

program!(Interrupts requires Needs, Run, Reporting<Listing<Row>>);

/// One line.
#[derive(Serialize)]
struct Row {
    line: u32,
    kind: &'static str,
    cpu: u32,
    count: u64,
    by_cpu: Vec<u64>,
}

/// The most CPUs that a system has.
const CPUS: usize = 64;

impl List<Run> for Row {
    const MANUAL: Manual = Manual {
        usage: "[-j]",
        details: "\
-j  one JSON object for each line
A line is a level or an edge at an interrupt controller, or a device's message. ON is the CPU that it interrupts at present, BY CPU how many
interrupts each CPU has taken, from CPU 0 on.\n",
    };

    fn all(cx: &mut Cx<'_, Run>) -> Result<Vec<Self>, Trouble> {
        let counts = &cx.req().counts;
        let mut next = 0;
        let all = until(InterruptError::NoSuchLine, |_| {
            let mut by_cpu = [0; CPUS];
            let status = counts.line(cx, next, by_cpu.as_mut_bytes())?;
            next = status.line + 1;
            Ok(Row::new(status, &by_cpu))
        });
        all.about("interrupts")
    }

    fn table(all: &[Self]) -> String {
        let mut table = Table::new(["LINE", "KIND", "ON", "COUNT", "BY CPU"]);
        for Row { line, kind, cpu, count, by_cpu } in all {
            let by_cpu: Vec<String> = by_cpu.iter().map(|count| format!("{count}")).collect();
            table.row([
                format!("{line}"),
                String::from(*kind),
                format!("{cpu}"),
                format!("{count}"),
                by_cpu.join(" "),
            ]);
        }
        table.text()
    }
}

impl Row {
    fn new(LineStatus { line, kind, cpu, cpus, count }: LineStatus, by_cpu: &[u64]) -> Self {
        let kind = self::kind(kind);
        let by_cpu = by_cpu.iter().copied().take(cpus as usize).collect();
        Row { line, kind, cpu, count, by_cpu }
    }
}

fn kind(kind: u32) -> &'static str {
    match kind {
        LineStatus::LEVEL => "level",
        LineStatus::EDGE => "edge",
        LineStatus::MESSAGE => "message",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use warren_program::json;

    use super::*;

    fn example() -> [Row; 1] {
        let status = LineStatus { line: 64, kind: LineStatus::MESSAGE, cpu: 1, cpus: 2, count: 12 };
        [Row::new(status, &[2, 10, 0, 0])]
    }

    #[test]
    fn lines_are_shown_in_columns() {
        let shown = "\
LINE  KIND     ON  COUNT  BY CPU
64    message  1   12     2 10
";
        assert_eq!(Row::table(&example()), shown);
    }

    #[test]
    fn tools_get_json() {
        let expected =
            "{\"line\":64,\"kind\":\"message\",\"cpu\":1,\"count\":12,\"by_cpu\":[2,10]}\n";
        assert_eq!(json::lines(&example()), expected);
    }
}
