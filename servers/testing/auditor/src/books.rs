//! All accounts at one point in time.

use alloc::{string::String, vec::Vec};
use core::fmt;

use warren::Cx;
use warren_idl::{AccountsError, SystemTime};
use warren_program::Stop;

use crate::Run;

/// How much time may pass between the first and the last account that is read. If it is more, somebody else ran meanwhile, and what they used
/// stands in some of the accounts and not in others.
const MOMENT_NS: u64 = 200_000;
/// Times that it is tried.
const TRIES: usize = 100;
/// Longest name of a principal that is shown whole.
const NAME_BYTES: usize = 64;

/// One principal's account.
pub struct Entry {
    /// Whose it is.
    pub name: String,
    /// Processor time that was charged to it.
    pub used_ns: u64,
    /// The part of it that was lent to others.
    pub helped_ns: u64,
    /// Threads that it has.
    pub threads: u32,
}

/// All accounts, and how much time there was.
pub struct Books {
    /// In the order of the principals' numbers.
    pub entries: Vec<Entry>,
    /// When they were read.
    pub time: SystemTime,
}

/// Why the books cannot be shown.
pub enum Failure {
    /// The system does not answer.
    Accounts,
    /// Each time somebody else ran while they were read.
    Disturbed,
    /// Nobody can wait.
    Timer,
    /// An argument names a principal that the system does not have.
    NoPrincipal,
    /// Nobody wants to know any more.
    Stopped(Stop),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Accounts => "the system does not show them",
            Failure::Disturbed => "they were never read without interruption",
            Failure::Timer => "the timer does not answer",
            Failure::NoPrincipal => "an argument is no name of a principal",
            Failure::Stopped(_) => "nobody wants to know any more",
        })
    }
}

impl From<AccountsError> for Failure {
    fn from(_: AccountsError) -> Self {
        Failure::Accounts
    }
}

impl Books {
    /// Reads all accounts, within a moment.
    pub fn read(cx: &mut Cx<'_, Run>) -> Result<Self, Failure> {
        for _ in 0..TRIES {
            let books = Books { time: cx.req().accounts.time(cx)?, entries: entries(cx)? };
            if cx.req().accounts.time(cx)?.elapsed_ns - books.time.elapsed_ns <= MOMENT_NS {
                return Ok(books);
            }
        }
        Err(Failure::Disturbed)
    }
}

fn entries(cx: &mut Cx<'_, Run>) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for number in 0.. {
        let mut name = [0; NAME_BYTES];
        let status = match cx.req().accounts.account(cx, number, &mut name) {
            Ok(status) => status,
            Err(AccountsError::End) => break,
            Err(error) => return Err(error.into()),
        };
        let bytes = name.len().min(status.text_bytes as usize);
        entries.push(Entry {
            name: String::from_utf8_lossy(&name[..bytes]).into_owned(),
            used_ns: status.used_ns,
            helped_ns: status.helped_ns,
            threads: status.threads,
        });
    }
    Ok(entries)
}
