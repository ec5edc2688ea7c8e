//! The machine that measures, and versions of what it measures with.

use std::{fs, process::Command};

use crate::project::Project;

/// Names and values, for the report.
pub fn facts(project: &Project) -> Vec<(&'static str, String)> {
    let commit = said(
        Command::new("git").args(["describe", "--always", "--dirty"]).current_dir(project.root()),
    );
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let command: Vec<_> = std::env::args().skip(1).collect();
    vec![
        ("command", format!("./warren {}", command.join(" "))),
        ("Warren", commit),
        ("date", said(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))),
        ("processor", format!("{}, {processors} visible", processor())),
        ("host", said(Command::new("uname").arg("-srm"))),
        ("QEMU", said(Command::new("qemu-system-x86_64").arg("--version"))),
        ("compiler of Warren", said(Command::new(compiler).arg("-V"))),
        ("compiler of the Linux programs", said(Command::new("gcc").arg("--version"))),
    ]
}

/// The first line that a command writes.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("unknown").trim().into()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or("unknown".into(), |(_, name)| name.trim().into())
}
