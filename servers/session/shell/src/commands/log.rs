//! `log`: what happened.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use warren_idl::{LogError, LogRecord};

use super::Command;
use crate::arguments::Arguments;
use crate::stage::{Invocation, Started, once};
use crate::world::LogLine;

pub const COMMAND: Command = Command {
    name: "log",
    usage: "log [-n LINES] [-s SERVER]",
    summary: "show what servers and system have written to the log",
    details: "-n LINES   only the last so many lines\n\
              -s SERVER  only lines of this server\n\
              Each line has the seconds since the start, the server, and its level unless that is info.\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    let arguments = Arguments::parse(invocation.arguments, "", "ns")?;
    let most = arguments.number('n')?.unwrap_or(u64::MAX);
    let server = arguments.text('s').map(String::from);
    arguments.none()?;
    once(move |context, output| {
        let mut shown = VecDeque::new();
        let mut number = 0;
        loop {
            context.check()?;
            let line = match context.world.log_line(number) {
                Ok(line) => line,
                Err(LogError::End) => break,
                Err(error) => return context.complain_about("log", "log", error).map(|()| 1),
            };
            if number != 0 && line.number > number {
                shown.push_back(format!("({} lines are lost)\n", line.number - number));
            }
            number = line.number.saturating_add(1);
            if server.as_ref().is_none_or(|server| *server == line.server) {
                shown.push_back(show(&line));
            }
            while shown.len() as u64 > most {
                shown.pop_front();
            }
        }
        shown.iter().for_each(|line| output.extend(line.bytes()));
        Ok(0)
    })
}

fn show(line: &LogLine) -> String {
    let microseconds = line.time_ns / 1000;
    let (seconds, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
    let level = match line.level {
        LogRecord::ERROR => "error: ",
        LogRecord::WARNING => "warning: ",
        _ => "",
    };
    format!("[{seconds:4}.{rest:06}] {}: {level}{}\n", line.server, line.text)
}
