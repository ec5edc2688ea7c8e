//! `warren build`.

use clap::Args;

use super::check;
use crate::{build, failure::Outcome, output, project::Project, system::Request};

/// Builds server files, the kernel and the hosted platform.
#[derive(Args)]
pub struct Arguments {
    /// Only these server files.
    servers: Vec<String>,
    /// Make a disc of this system that boots by GRUB, and not only its parts.
    #[arg(long, value_name = "SYSTEM", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "demo", conflicts_with = "servers")]
    iso: Option<String>,
}

/// Builds what was asked for, and says where it lies.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    if let Some(system) = &arguments.iso {
        return disc(project, system);
    }
    let servers = match arguments.servers.is_empty() {
        true => build::servers(project)?,
        false => build::some_servers(project, &arguments.servers)?,
    };
    for server in &servers {
        output::line(project.shown(&server.paths.file).display())?;
    }
    if arguments.servers.is_empty() {
        output::line(project.shown(&build::kernel(project)?).display())?;
        output::line(project.shown(&build::hosted(project)?).display())?;
    }
    Ok(())
}

/// Makes the disc of a system, and says how to try it.
fn disc(project: &Project, system: &str) -> Outcome {
    let path = project.system(system)?;
    let servers = build::servers(project)?;
    let request =
        Request { parameters: vec![("mode".into(), "interactive".into())], ..Request::default() };
    let plan = check::checked(project, &path, &build::facts(&servers), &request)?;
    let disc = build::iso::make(project, &build::kernel(project)?, &plan, &servers)?;
    let shown = project.shown(&disc);
    output::line(shown.display())?;
    eprintln!(
        "to try it: qemu-system-x86_64 -machine q35 -m 256 -cdrom {} -nographic",
        shown.display()
    );
    Ok(())
}
