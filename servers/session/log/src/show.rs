//! `log`: what happened, as text.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren::Cx;
use warren_idl::LogRecord;
use warren_program::{About, Arguments, Handed, Manual, Report, Trouble, UsageError};

use crate::Run;
use crate::book::Book;

/// Which lines are asked for.
pub struct Showing {
    /// The last so many.
    most: u64,
    /// Those of this server only.
    server: Option<String>,
}

impl Report<Run> for Showing {
    const MANUAL: Manual = Manual {
        usage: "[-n LINES] [-s SERVER]",
        details: "-n LINES   only the last so many lines\n\
                  -s SERVER  only lines of this server\n\
                  Each line has the seconds since the start, the server, and its level unless that is info.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "ns")?;
        let most = arguments.number('n')?.unwrap_or(u64::MAX);
        let server = arguments.text('s').map(String::from);
        arguments.none()?;
        Ok(Showing { most, server })
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        let feed = &cx.req().feed;
        cx.parent().take_over(feed).about("log")?;
        Ok(self.show(&cx.parent().book).into_iter().collect())
    }
}

impl Showing {
    /// The lines that are asked for, and where lines are lost between them.
    fn show(&self, book: &Book) -> VecDeque<String> {
        let mut shown = VecDeque::new();
        let mut number = 0;
        while let Some((record, text)) = book.find(number) {
            if number != 0 && record.number > number {
                shown.push_back(format!("({} lines are lost)\n", record.number - number));
            }
            number = record.number + 1;
            let (server, text) = text.split_at(text.len().min(record.server_bytes as usize));
            let (server, text) = (String::from_utf8_lossy(server), String::from_utf8_lossy(text));
            if self.server.as_ref().is_none_or(|wanted| *wanted == server) {
                shown.push_back(line(record, &server, &text));
            }
            while shown.len() as u64 > self.most {
                shown.pop_front();
            }
        }
        shown
    }
}

fn line(record: &LogRecord, server: &str, text: &str) -> String {
    let microseconds = record.time_ns / 1000;
    let (seconds, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
    let level = match record.level {
        LogRecord::ERROR => "error: ",
        LogRecord::WARNING => "warning: ",
        _ => "",
    };
    format!("[{seconds:4}.{rest:06}] {server}: {level}{text}\n")
}

#[cfg(test)]
mod tests {
    use std::{format, string::String, vec::Vec};

    use warren_idl::LogRecord;

    use super::Showing;
    use crate::book::Book;

    /// What is shown of three lines, of which the last is not the next.
    fn shown(most: u64, server: Option<&str>) -> String {
        let mut book = Book::new(1 << 16);
        for (number, level, server, text) in [
            (5, LogRecord::INFO, "disk", "started"),
            (6, LogRecord::ERROR, "ext4", "panicked: oh"),
            (9, LogRecord::WARNING, "disk", "slow"),
        ] {
            let record = LogRecord {
                number,
                time_ns: number * 1_000_002_000,
                level,
                server_bytes: server.len() as u32,
                text_bytes: text.len() as u32,
                padding: 0,
            };
            assert!(book.add(record, format!("{server}{text}").as_bytes()));
        }
        Vec::from(Showing { most, server: server.map(String::from) }.show(&book)).concat()
    }

    #[test]
    fn lines_are_shown_with_their_servers() {
        let all = "\
[   5.000010] disk: started
[   6.000012] ext4: error: panicked: oh
(2 lines are lost)
[   9.000018] disk: warning: slow
";
        assert_eq!(shown(u64::MAX, None), all);
    }

    #[test]
    fn only_the_last_lines_are_shown_if_so_many_are_asked_for() {
        assert_eq!(shown(2, None), "(2 lines are lost)\n[   9.000018] disk: warning: slow\n");
        assert_eq!(shown(0, None), "");
    }

    #[test]
    fn only_the_lines_of_a_server_are_shown_if_one_is_named() {
        let ext4 = "[   6.000012] ext4: error: panicked: oh\n(2 lines are lost)\n";
        assert_eq!(shown(u64::MAX, Some("ext4")), ext4);
    }
}
