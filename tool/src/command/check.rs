//! `warren check`.

use crate::run::machine::Forward;
use std::{
    fs,
    io::{IsTerminal, stderr},
    path::Path,
};

use annotate_snippets::Renderer;
use clap::Args;
use warren_engine::plan::{Placement, Plan};

use crate::{
    build,
    failure::{Failure, Outcome},
    output,
    project::Project,
    system::{self, Request, Target, diagnostic::Severity, facts::Facts},
};

/// Finds every error of a system before it boots.
#[derive(Args)]
pub struct Arguments {
    /// A name under systems/, or the path of a system file.
    #[arg(default_value = "demo")]
    system: String,
    /// Check for a Linux process and not for a machine.
    #[arg(long)]
    hosted: bool,
    /// Treat a server differently: SERVER=kernel, SERVER=own, SERVER=shared:DOMAIN; `all` is every server.
    #[arg(long, value_name = "SERVER=PLACEMENT", value_parser = super::placement)]
    place: Vec<(String, Placement)>,
}

/// Checks the system and shows what was found.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let path = project.system(&arguments.system)?;
    let facts = build::facts(&build::servers(project)?);
    let target = if arguments.hosted { Target::Hosted } else { Target::Machine };
    let request = Request { target, placements: arguments.place.clone(), ..Request::default() };
    let plan = checked(project, &path, &facts, &request)?;
    let many =
        |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let servers = many(plan.servers.len(), "server");
    let principals = many(plan.principals.len(), "principal");
    output::line(format_args!("{}: {servers}, {principals}, no errors", plan.system))
}

/// Checks a system, shows what was found, and returns the plan if there is no error.
pub fn checked(project: &Project, path: &Path, facts: &Facts, request: &Request) -> Outcome<Plan> {
    checked_with_forwards(project, path, facts, request).map(|(plan, _)| plan)
}

/// The same, with the ports of the host that lead into the system's network.
pub fn checked_with_forwards(
    project: &Project,
    path: &Path,
    facts: &Facts,
    request: &Request,
) -> Outcome<(Plan, Vec<Forward>)> {
    let mut read = |path: &Path| fs::read_to_string(path).map_err(|error| error.to_string());
    let outcome = system::check(&project.shown(path), facts, request, &mut read);
    let renderer = match stderr().is_terminal() {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    for found in &outcome.diagnostics {
        eprintln!("{}\n", found.render(&outcome.sources, &renderer));
    }
    let errors = outcome.count(Severity::Error);
    let forwards = outcome.forwards;
    outcome.plan.map(|plan| (plan, forwards)).ok_or_else(|| {
        let shown = project.shown(path);
        Failure::new(match errors {
            1 => format!("system `{}` has an error", shown.display()),
            _ => format!("system `{}` has {errors} errors", shown.display()),
        })
    })
}
