//! `find`: the files of a tree by name and type.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren::server;
use warren_idl::{FileStatus, Program};
use warren_program::{
    CHUNK_BYTES, Context, Flow, Manual, Stage, Stop, UsageError, path,
    pattern::Pattern,
    program,
    walk::{Found, Walk},
};

/// Lists the files of a tree by name and type.
#[server(provides(Program), locals(Run), summary = "list the files of a tree")]
pub struct Find {}

program!(Find requires (), Run, Finding);

fn value(test: &str, given: Option<String>) -> Result<String, UsageError> {
    given.ok_or_else(|| UsageError(format!("{test} needs a value")))
}

fn kind(letter: &str) -> Result<u32, UsageError> {
    match letter {
        "f" => Ok(FileStatus::FILE),
        "d" => Ok(FileStatus::DIRECTORY),
        "l" => Ok(FileStatus::LINK),
        other => Err(UsageError(format!("unknown type {other}"))),
    }
}

struct Wanted {
    name: Option<Pattern>,
    kind: Option<u32>,
}

impl Wanted {
    fn is(&self, found: &Found) -> bool {
        self.name.as_ref().is_none_or(|pattern| pattern.matches(path::last(&found.path)))
            && self.kind.is_none_or(|kind| kind == found.kind)
    }
}

struct Finding {
    walk: Walk,
    wanted: Wanted,
}

impl Stage for Finding {
    const MANUAL: Manual = Manual {
        usage: "[PATH…] [-name PATTERN] [-type f|d|l]",
        details: "-name PATTERN  whose name matches: *, ?, [a-z], quoted\n\
              -type f|d|l    that are files, directories, symbolic links\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let mut wanted = Wanted { name: None, kind: None };
        let mut roots = Vec::new();
        let mut given = arguments.into_iter();
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "-name" => wanted.name = Some(Pattern::from_text(&value(&argument, given.next())?)),
                "-type" => wanted.kind = Some(kind(&value(&argument, given.next())?)?),
                option if option.starts_with('-') => {
                    return Err(UsageError(format!("unknown test {option}")));
                }
                _ => roots.push(argument),
            }
        }
        if roots.is_empty() {
            roots.push(String::from("."));
        }
        Ok(Finding { walk: Walk::new(roots), wanted })
    }

    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        let before = output.len();
        while output.len() - before < CHUNK_BYTES {
            let Some(found) = self.walk.next(context)? else {
                return Ok(Flow::End(self.walk.failed.into()));
            };
            if self.wanted.is(&found) {
                output.extend(found.path.bytes());
                output.push(b'\n');
            }
        }
        Ok(Flow::More)
    }
}
