//! `PROMISES.md`: the limits for people. It is written from the table of limits, and a test compares the two.

use std::{fmt::Write as _, fs};

use super::limits::LIMITS;
use crate::{
    failure::{Outcome, While},
    project::Project,
};

/// Name of the file, at the root of the project.
pub const FILE: &str = "PROMISES.md";

const HEAD: &str = "\
# Promises

What Warren costs at most. Each line is a row of `./warren bench`, and its check is the test
`no_number_exceeds_its_ceiling` in `tests/tests/systems/budgets.rs`, which `./warren test systems` runs: a change that makes a
row dearer than its number fails it, and the failure names the row. `./warren bench --check` is the same check alone. The number
of a call is tight: the check fails as well where ten instructions more would not break the promise.

An aim is what the number is meant to become, where that was decided. Where it is not reached, the number is what was
measured last, so that it does not get worse. Where nothing is promised, a processor's ticks are measured, which depend on what
else it does: the same call's instructions are promised instead, counted by single steps of the process. A change
that makes a row cheaper lowers its number in `tool/src/bench/limits.rs`, from which `./warren bench --promises` writes this file.

| what | at most | aim | in | row |
| --- | --- | --- | --- | --- |
";

/// The whole file.
pub fn text() -> String {
    let mut text = String::from(HEAD);
    for limit in LIMITS {
        // Writing into a String does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | `{}` |",
            limit.says,
            limit.ceiling.map_or(String::new(), |ceiling| ceiling.to_string()),
            limit.aim.map_or(String::new(), |aim| aim.to_string()),
            limit.unit(),
            limit.name
        );
    }
    text
}

/// Writes the file.
pub fn write(project: &Project) -> Outcome {
    let path = project.root().join(FILE);
    fs::write(&path, text()).when(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_what_is_enforced() {
        let written = Project::find()
            .ok()
            .and_then(|project| fs::read_to_string(project.root().join(FILE)).ok());
        assert_eq!(written, Some(text()), "`./warren bench --promises` writes it");
    }
}
