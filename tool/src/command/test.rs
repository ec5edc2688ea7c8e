//! `warren test`: every check of the project, in order, with a verdict.
//!
//! CI runs this and nothing else. Each step's output goes to a file, and is shown only if it failed.

use std::{
    fs::{self, File},
    num::NonZero,
    panic,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use clap::Args;

use super::check;
use crate::{
    build,
    failure::{Failure, Outcome, While},
    fuzz, output,
    project::Project,
    run::packages,
    system::{Request, Target},
};

/// Seconds for each fuzz target.
const FUZZ_SECONDS: u64 = 6;

/// Runs every test of the project; the last line is the verdict.
#[derive(Args)]
pub struct Arguments {
    /// Only these steps: format, clippy, build, check, host, systems, fuzz.
    #[arg(value_parser = STEPS)]
    steps: Vec<String>,
}

const STEPS: [&str; 7] = ["format", "clippy", "build", "check", "host", "systems", "fuzz"];

/// The crate whose tests run whole systems; they need what `build` makes.
const SYSTEM_TESTS: &str = "warren-tests";

/// How many checks passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
}

impl Count {
    fn one(passed: bool) -> Self {
        Count { passed: usize::from(passed), failed: usize::from(!passed) }
    }

    fn add(&mut self, other: Count) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Runs the steps and prints the verdict.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    packages::install(&packages::FOR_TESTS)?;
    let mut total = Count::default();
    for step in STEPS {
        if arguments.steps.is_empty() || arguments.steps.iter().any(|chosen| chosen == step) {
            let start = Instant::now();
            eprintln!("{step} …");
            let count = self::step(project, step)?;
            let seconds = start.elapsed().as_secs();
            eprintln!("{step}: {} passed, {} failed, {seconds} s", count.passed, count.failed);
            total.add(count);
        }
    }
    output::line(format_args!("{} passed, {} failed", total.passed, total.failed))?;
    match total.failed {
        0 => Ok(()),
        _ => Err(Failure::silent(1)),
    }
}

fn step(project: &Project, step: &str) -> Outcome<Count> {
    match step {
        "format" => command(project, step, project.cargo().args(["fmt", "--all", "--check"])),
        "clippy" => linted(project),
        "build" => Ok(built(project)),
        "check" => systems_are_right(project),
        "host" => {
            let words = ["test", "--workspace", "--no-fail-fast", "--exclude", SYSTEM_TESTS];
            tests(project, step, project.cargo().args(words))
        }
        "systems" => {
            let words = ["test", "--release", "--no-fail-fast", "--package", SYSTEM_TESTS, "--"];
            // A system waits for devices and clients for much of its time.
            let threads = format!("--test-threads={}", processors() + 1);
            tests(project, step, project.cargo().args(words).arg(threads))
        }
        _ => fuzzed(project),
    }
}

/// Runs a command that passes or fails as a whole.
fn command(project: &Project, step: &str, command: &mut Command) -> Outcome<Count> {
    let (passed, _) = logged(project, step, command)?;
    Ok(Count::one(passed))
}

/// Runs `cargo test` and adds up what it counted. If it failed without a failed test, that is one failure.
fn tests(project: &Project, step: &str, command: &mut Command) -> Outcome<Count> {
    let (passed, output) = logged(project, step, command)?;
    let mut count = count_tests(&output);
    if !passed && count.failed == 0 {
        count.failed = 1;
    }
    Ok(count)
}

/// Adds up the lines `test result: ok. 3 passed; 0 failed; …`.
fn count_tests(output: &str) -> Count {
    let number = |line: &str, what: &str| {
        let before = line.split(what).next()?;
        before.split_whitespace().next_back()?.parse().ok()
    };
    let mut count = Count::default();
    for line in output.lines().filter(|line| line.trim_start().starts_with("test result:")) {
        count.passed += number(line, " passed").unwrap_or(0);
        count.failed += number(line, " failed").unwrap_or(0);
    }
    count
}

/// Runs a command with its output in a file, which is shown if it fails.
fn logged(project: &Project, step: &str, command: &mut Command) -> Outcome<(bool, String)> {
    let path = project.folder("test")?.join(format!("{step}.log"));
    let failed = || format!("cannot write `{}`", path.display());
    let file = File::create(&path).when(failed)?;
    let errors = file.try_clone().when(failed)?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .status()
        .when(|| format!("cannot run the step `{step}`"))?;
    let output = read(&path)?;
    if !status.success() {
        eprintln!("{output}");
    }
    Ok((status.success(), output))
}

fn read(path: &Path) -> Outcome<String> {
    let bytes = fs::read(path).when(|| format!("cannot read `{}`", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Nothing is to be said against any code, nor against what only servers that survive panics are made of.
fn linted(project: &Project) -> Outcome<Count> {
    let surviving = ["--profile", "surviving", "--package", "warren-runtime", "--lib"];
    let mut count = Count::default();
    for (step, what) in
        [("clippy", &["--workspace", "--all-targets"][..]), ("clippy-surviving", &surviving)]
    {
        let mut clippy = project.cargo();
        clippy.arg("clippy").args(what).args(["--", "-Dwarnings"]);
        count.add(command(project, step, &mut clippy)?);
    }
    Ok(count)
}

/// Server files, kernel and hosted platform can be built.
fn built(project: &Project) -> Count {
    let mut count = Count::default();
    let outcomes = [
        build::servers(project).map(drop),
        build::kernel(project).map(drop),
        build::hosted(project).map(drop),
    ];
    for outcome in outcomes {
        count.add(verdict(outcome));
    }
    count
}

/// Every system under `systems/` can be planned, for a machine and hosted.
fn systems_are_right(project: &Project) -> Outcome<Count> {
    let facts = match build::servers(project) {
        Ok(servers) => build::facts(&servers),
        Err(failure) => return Ok(verdict(Err(failure))),
    };
    let mut count = Count::default();
    for name in project.systems() {
        let path = project.system(&name)?;
        for target in [Target::Machine, Target::Hosted] {
            let request = Request { target, ..Request::default() };
            count.add(verdict(check::checked(project, &path, &facts, &request).map(drop)));
        }
    }
    Ok(count)
}

/// Every fuzz target survives for a while; as many at a time as there are processors.
fn fuzzed(project: &Project) -> Outcome<Count> {
    let targets = fuzz::targets(project);
    let next = AtomicUsize::new(0);
    let one_by_one = || {
        let mut count = Count::default();
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let step = format!("fuzz-{target}");
            match fuzz::command(project, target, FUZZ_SECONDS) {
                Ok(mut fuzzer) => count.add(command(project, &step, &mut fuzzer)?),
                Err(failure) => count.add(verdict(Err(failure))),
            }
        }
        Ok(count)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..processors()).map(|_| scope.spawn(one_by_one)).collect();
        let mut count = Count::default();
        for worker in workers {
            let counted = worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
            count.add(counted?);
        }
        Ok(count)
    })
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Shows a failure and goes on.
fn verdict(outcome: Outcome) -> Count {
    if let Err(failure) = &outcome {
        eprint!("{failure}");
    }
    Count::one(outcome.is_ok())
}

#[cfg(test)]
mod tests {
    use super::{Count, count_tests};

    #[test]
    fn what_cargo_counted_is_added_up() {
        let output = "\
running 3 tests
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        assert_eq!(count_tests(output), Count { passed: 4, failed: 2 });
    }
}
