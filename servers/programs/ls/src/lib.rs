//! `ls`: what is in directories.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod date;

#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren::server;
use warren_idl::{FileStatus, Program};
use warren_program::{
    Arguments, CHUNK_BYTES, Context, Flow, Manual, Stage, Stop, UsageError, path, program,
    world::Entry,
};

/// Lists files and directories.
#[server(provides(Program), locals(Run), summary = "list files and directories")]
pub struct Ls {}

program!(Ls requires (), Run, Listing);

struct Listing {
    long: bool,
    all: bool,
    titles: bool,
    operands: VecDeque<String>,
    /// Operands that are directories: they are listed after those that are files.
    directories: VecDeque<String>,
    /// The directory that is being listed, and what is left of it.
    entries: Option<(String, VecDeque<Entry>)>,
    shown: bool,
    status: u8,
}

impl Stage for Listing {
    const MANUAL: Manual = Manual {
        usage: "[-l] [-a] [PATH…]",
        details: "-l  with mode, size in bytes and time of the last change (UTC)\n\
              -a  names that start with . as well\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "la", "")?;
        let (long, all) = (arguments.has('l'), arguments.has('a'));
        let mut operands = arguments.operands;
        if operands.is_empty() {
            operands.push(String::from("."));
        }
        let titles = operands.len() > 1;
        Ok(Listing {
            long,
            all,
            titles,
            operands: operands.into(),
            directories: VecDeque::new(),
            entries: None,
            shown: false,
            status: 0,
        })
    }

    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        context.check()?;
        if let Some(operand) = self.operands.pop_front() {
            self.sort_in(context, operand, output)?;
        } else if let Some((directory, entries)) = self.entries.take() {
            self.show(context, directory, entries, output)?;
        } else if let Some(directory) = self.directories.pop_front() {
            self.open(context, directory, output)?;
        } else {
            return Ok(Flow::End(self.status));
        }
        Ok(Flow::More)
    }
}

impl Listing {
    /// Shows an operand that is a file; keeps one that is a directory for later.
    fn sort_in(
        &mut self,
        context: &mut Context<'_>,
        operand: String,
        output: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let path = context.path(&operand);
        match context.world.status(&path) {
            Ok(status) if status.kind == FileStatus::DIRECTORY => {
                self.directories.push_back(operand);
            }
            Ok(status) => {
                self.shown = true;
                let detail = if self.long { long(&status) } else { String::new() };
                output.extend(format!("{detail}{operand}\n").bytes());
            }
            Err(error) => {
                self.status = 1;
                context.complain_about(&operand, error)?;
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        context: &mut Context<'_>,
        directory: String,
        output: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let path = context.path(&directory);
        match context.world.list(&path) {
            Ok(entries) => {
                if self.titles {
                    let gap = if self.shown { "\n" } else { "" };
                    output.extend(format!("{gap}{directory}:\n").bytes());
                }
                self.shown = true;
                self.entries = Some((path, entries.into()));
            }
            Err(error) => {
                self.status = 1;
                context.complain_about(&directory, error)?;
            }
        }
        Ok(())
    }

    /// Shows entries of a directory, up to a chunk.
    fn show(
        &mut self,
        context: &mut Context<'_>,
        directory: String,
        mut entries: VecDeque<Entry>,
        output: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let before = output.len();
        while let Some(entry) = entries.pop_front() {
            if entry.name.starts_with('.') && !self.all {
                continue;
            }
            let detail =
                if self.long { long(&status(context, &directory, &entry)) } else { String::new() };
            output.extend(format!("{detail}{}\n", entry.name).bytes());
            if output.len() - before >= CHUNK_BYTES {
                self.entries = Some((directory, entries));
                break;
            }
        }
        Ok(())
    }
}

/// What is known of an entry: of a symbolic link, and of what cannot be asked, only what the
/// directory says.
fn status(context: &mut Context<'_>, directory: &str, entry: &Entry) -> FileStatus {
    let listed =
        FileStatus { bytes: entry.bytes, kind: entry.kind, mode: 0o777, ..FileStatus::default() };
    if entry.kind == FileStatus::LINK {
        return listed;
    }
    context.world.status(&path::join(directory, &entry.name)).unwrap_or(listed)
}

/// The columns of `ls -l` before the name.
fn long(status: &FileStatus) -> String {
    let time = match status.modified {
        0 => String::from("-"),
        seconds => date::minutes(seconds),
    };
    format!("{} {:>10} {time:<16} ", mode(status), status.bytes)
}

fn mode(status: &FileStatus) -> String {
    let mut text = String::from(match status.kind {
        FileStatus::FILE => "-",
        FileStatus::DIRECTORY => "d",
        FileStatus::LINK => "l",
        _ => "?",
    });
    for (index, letter) in "rwxrwxrwx".chars().enumerate() {
        let set = status.mode & (0o400 >> index) != 0;
        text.push(if set { letter } else { '-' });
    }
    text
}
