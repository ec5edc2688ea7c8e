//! The command line. Each command is a module with its arguments and a function `run`.

mod bench;
mod build;
pub mod check;
mod debug;
mod fuzz;
mod header;
mod inspect;
mod new;
mod run;
pub mod sizes;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use warren_engine::plan::Placement;

use crate::{failure::Outcome, project::Project, system};

/// Builds Warren systems, checks them and runs them.
#[derive(Parser)]
#[command(name = "warren", bin_name = "./warren", disable_help_subcommand = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Build(build::Arguments),
    Check(check::Arguments),
    Run(run::Arguments),
    Test(test::Arguments),
    Bench(bench::Arguments),
    Inspect(inspect::Arguments),
    Sizes(sizes::Arguments),
    Debug(debug::Arguments),
    Header(header::Arguments),
    New(new::Arguments),
    Fuzz(fuzz::Arguments),
}

/// Runs the command line and returns the exit status.
pub fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    match carry_out(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprint!("{failure}");
            ExitCode::from(failure.status())
        }
    }
}

fn carry_out(command: Command) -> Outcome {
    let project = Project::find()?;
    match command {
        Command::Build(arguments) => build::run(&project, &arguments),
        Command::Check(arguments) => check::run(&project, &arguments),
        Command::Run(arguments) => run::run(&project, &arguments),
        Command::Test(arguments) => test::run(&project, &arguments),
        Command::Bench(arguments) => bench::run(&project, &arguments),
        Command::Inspect(arguments) => inspect::run(&project, &arguments),
        Command::Sizes(arguments) => sizes::run(&project, &arguments),
        Command::Debug(arguments) => debug::run(&project, &arguments),
        Command::New(arguments) => new::run(&project, &arguments),
        Command::Header(arguments) => header::run(&project, &arguments),
        Command::Fuzz(arguments) => fuzz::run(&project, &arguments),
    }
}

/// `SERVER=PLACEMENT` on the command line.
fn placement(text: &str) -> Result<(String, Placement), String> {
    let (server, place) = text.split_once('=').ok_or("say SERVER=PLACEMENT, as in `ext4=own`")?;
    Ok((server.into(), system::place::from_text(place)?))
}
