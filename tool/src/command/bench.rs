//! `warren bench`.

use clap::Args;

use crate::{
    bench,
    failure::{Failure, Outcome},
    project::Project,
};

/// Measures what calls cost, in guest instructions and hosted, beside a plain indirect call.
#[derive(Args)]
pub struct Arguments {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Fail if a ceiling is exceeded, and print only what exceeds it.
    #[arg(long, conflicts_with = "json")]
    check: bool,
}

/// Measures and prints.
pub fn run(_project: &Project, arguments: &Arguments) -> Outcome {
    let measured = bench::measure()?;
    if arguments.check {
        let exceeded = measured.exceeded();
        return match exceeded.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(exceeded.join("\n"))),
        };
    }
    match arguments.json {
        true => println!("{}", measured.json()),
        false => print!("{}", measured.table()),
    }
    Ok(())
}
