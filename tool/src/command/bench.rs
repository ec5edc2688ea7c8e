//! `warren bench`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    bench::{self, Group, Request, explain, ladder, limits, network, promises, report, row},
    failure::{Failure, Outcome},
    output,
    project::Project,
    run::machine::Adapter,
};

/// Measures what Warren costs, in guest instructions where it can.
#[derive(Args)]
pub struct Arguments {
    /// Only these groups of rows.
    #[arg(value_enum)]
    groups: Vec<Group>,
    /// Print one JSON object on each line.
    #[arg(long)]
    json: bool,
    /// How many times everything is measured; the median counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    runs: u32,
    /// Measure the same in a guest of another system, and show ratios.
    #[arg(long, value_name = "SYSTEM", value_parser = ["linux"])]
    against: Option<String>,
    /// Over TAP, measure the network with these devices only.
    #[arg(long = "device", value_name = "DEVICE", value_enum)]
    devices: Vec<Adapter>,
    /// Write a page with tables and plots, and the rows as JSON, into this folder.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Print where the instructions of one call, or of what goes through the network, go: the name of its row, as in `calls/own-own`.
    #[arg(long, value_name = "ROW", conflicts_with_all = ["json", "groups", "runs", "against", "devices", "report"])]
    explain: Option<String>,
    /// Measure once what is promised, and fail if something exceeds its ceiling.
    #[arg(long, conflicts_with_all = ["json", "groups", "runs", "against", "devices", "report", "explain"])]
    check: bool,
    /// Write PROMISES.md from the table of limits, and measure nothing.
    #[arg(long, conflicts_with_all = ["check", "json", "groups", "runs", "against", "devices", "report", "explain"])]
    promises: bool,
    /// This is the part of the benchmark that runs in a network namespace of its own, for the other one.
    #[arg(long, hide = true)]
    inside: bool,
}

/// Measures and prints.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    if let Some(name) = &arguments.explain {
        if name.starts_with("network/") {
            return output::print(network::explain(project, name, arguments.inside)?);
        }
        return output::print(explain::explain(project, name)?);
    }
    if arguments.promises {
        return promises::write(project);
    }
    if arguments.check {
        return check(project);
    }
    let request = Request {
        groups: arguments.groups.clone(),
        runs: arguments.runs,
        against_linux: arguments.against.is_some(),
        devices: arguments.devices.clone(),
    };
    if arguments.inside {
        return bench::measure_inside(project, &request);
    }
    let rows = bench::measure(project, &request);
    match arguments.json {
        true => rows.iter().flat_map(|row| row.json()).try_for_each(output::line)?,
        false => output::print(row::table(&rows) + &ladder::table(&ladder::steps(&rows)))?,
    }
    if let Some(folder) = &arguments.report {
        report::write(project, folder, &rows)?;
        eprintln!("the report is in `{}`", folder.display());
    }
    bench::complete(&rows)
}

/// Compares what is promised with what is.
fn check(project: &Project) -> Outcome {
    let request = Request { groups: bench::LIMITED.to_vec(), runs: 1, ..Request::default() };
    let broken = limits::broken(&bench::measure(project, &request));
    match broken.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("promises are broken:\n{}", broken.join("\n")))),
    }
}
