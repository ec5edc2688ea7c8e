//! What the system's books say before and after a load: the lines of the program `auditor`.

use serde_json::Value;

use crate::run::{Ended, Run};
use crate::variant::Variant;

/// The books, in nanoseconds.
#[derive(Debug)]
pub struct Books {
    /// Each principal's name and account.
    pub accounts: Vec<(String, Account)>,
    /// Time in which nobody ran, between the two looks.
    pub idle: u64,
    /// Time between the two looks.
    pub elapsed: u64,
}

/// One principal's account.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// What was charged to it between the two looks.
    pub between: u64,
    /// What was charged to it since the system started.
    pub in_all: u64,
    /// The part of that which was lent to holders of locks.
    pub helped: u64,
}

impl Books {
    /// Runs a system that has an auditor until these clients have ended, and reads the books. On a machine instructions are counted, so that each run
    /// is the same.
    #[track_caller]
    pub fn of(system: &str, clients: &str, variant: &Variant) -> Self {
        let run = Run::new(system, &[format!("auditor {clients}")]).placed(variant);
        let counting = if variant.is_hosted() { &[][..] } else { &["--count-instructions"] };
        let run = run.with(counting).go();
        run.expect_status(0);
        Self::read(&run).unwrap_or_else(|| panic!("{}: no books: {run}", variant.name))
    }

    fn read(run: &Ended) -> Option<Self> {
        let mut books = Books { accounts: Vec::new(), idle: 0, elapsed: 0 };
        for line in run.output.lines() {
            let line: Value = serde_json::from_str(line).ok()?;
            let number = |key: &str, at: usize| line[key][at].as_u64();
            let between = |key: &str| number(key, 1)?.checked_sub(number(key, 0)?);
            match line["principal"].as_str() {
                Some(name) => {
                    let account = Account {
                        between: between("used_ns")?,
                        in_all: number("used_ns", 1)?,
                        helped: number("helped_ns", 1)?,
                    };
                    books.accounts.push((name.into(), account));
                }
                None => (books.idle, books.elapsed) = (between("idle_ns")?, between("elapsed_ns")?),
            }
        }
        (books.elapsed > 0).then_some(books)
    }

    /// The account of a principal.
    #[track_caller]
    pub fn account(&self, name: &str) -> Account {
        let found = self.accounts.iter().find(|(principal, _)| principal == name);
        found.unwrap_or_else(|| panic!("there is no principal `{name}`: {self:?}")).1
    }
}

/// The last account of a principal that a run of `accounts -j` has shown.
#[track_caller]
pub fn account(name: &str, run: &Ended) -> Value {
    let named = format!("\"name\":\"{name}\"");
    let line = run.output.lines().rfind(|line| line.contains(&named));
    let account = line.and_then(|line| serde_json::from_str(line).ok());
    account.unwrap_or_else(|| panic!("no account of `{name}`: {run}"))
}
