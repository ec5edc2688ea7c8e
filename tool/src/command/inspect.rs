//! `warren inspect`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    build::{self, pack},
    failure::Outcome,
    inspect, output,
    project::Project,
};

/// Prints everything that a server file says.
#[derive(Args)]
pub struct Arguments {
    /// A server file, or the name of a server under servers/.
    file: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the file's facts.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let path = match arguments.file.exists() {
        true => arguments.file.clone(),
        false => {
            let name = arguments.file.display().to_string();
            build::some_servers(project, &[name])?.remove(0).paths.file
        }
    };
    let inspection = pack::inspect(&path)?;
    match arguments.json {
        true => output::line(format_args!("{:#}", inspect::json(&inspection))),
        false => output::print(inspect::text(&inspection)),
    }
}
