//! `warren build`.

use clap::Args;

use crate::{build, failure::Outcome, project::Project};

/// Builds server files, the kernel and the hosted platform.
#[derive(Args)]
pub struct Arguments {
    /// Only these server files.
    servers: Vec<String>,
}

/// Builds what was asked for, and says where it lies.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let servers = match arguments.servers.is_empty() {
        true => build::servers(project)?,
        false => build::some_servers(project, &arguments.servers)?,
    };
    for server in &servers {
        println!("{}", project.shown(&server.paths.file).display());
    }
    if arguments.servers.is_empty() {
        println!("{}", project.shown(&build::kernel(project)?).display());
        println!("{}", project.shown(&build::hosted(project)?).display());
    }
    Ok(())
}
