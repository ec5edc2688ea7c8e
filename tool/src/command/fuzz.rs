//! `warren fuzz`.

use std::os::unix::process::CommandExt;

use clap::Args;

use crate::{
    failure::{Failure, Outcome},
    fuzz,
    project::Project,
};

/// Feeds a decoder with hostile bytes until it breaks or the time is over.
#[derive(Args)]
pub struct Arguments {
    /// What to fuzz: the name of a file in fuzz/src/bin.
    target: String,
    /// How long, in seconds. 0 is for ever.
    #[arg(long, default_value_t = 0)]
    seconds: u64,
}

/// Builds the target and becomes it.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let mut command = fuzz::command(project, &arguments.target, arguments.seconds)?;
    Err(Failure::new(format!("cannot run the fuzzer: {}", command.exec())))
}
