//! `warren build`.

use clap::Args;

use crate::{build, failure::Outcome, project::Project};

/// Builds all server files, the kernel and the hosted platform.
#[derive(Args)]
pub struct Arguments {}

/// Builds everything.
pub fn run(project: &Project, _arguments: &Arguments) -> Outcome {
    let servers = build::servers(project)?;
    println!(
        "{} server files in {}",
        servers.len(),
        project.shown(&project.folder("servers")?).display()
    );
    Ok(())
}
