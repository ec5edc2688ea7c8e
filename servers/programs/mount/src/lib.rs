//! `mount`: which file system answers for which path.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, Req, Required, server};
use warren_idl::{Launcher, MountError, Namespace, Program};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError,
    listed::{texts, until},
    program,
};

/// Longest path of a mount.
const PATH_BYTES: usize = 256;

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    launcher: Req<dyn Launcher>,
    namespace: Req<dyn Namespace>,
}

/// Shows mounts, or mounts a server's files.
#[server(provides(Program), locals(Run), summary = "show mounts, or mount a server's files")]
pub struct Mount {}

program!(Mount requires Needs, Run, Reporting<Mounting>);

/// What is asked for.
enum Mounting {
    /// All mounts.
    List,
    /// A server's files at a path.
    Mount { server: String, operand: String },
}

impl Report<Run> for Mounting {
    const MANUAL: Manual = Manual {
        usage: "[SERVER PATH]",
        details: "SERVER is a file system's name in the system file. It is loaded if it was not.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "")?;
        if arguments.operands.is_empty() {
            return Ok(Mounting::List);
        }
        let [server, operand] = arguments.exactly(["SERVER", "PATH"])?;
        Ok(Mounting::Mount { server, operand })
    }

    fn text(&self, cx: &mut Cx<'_, Run>, handed: &Handed) -> Result<String, Trouble> {
        let Mounting::Mount { server, operand } = self else { return list(cx).about("mounts") };
        let Needs { launcher, namespace } = cx.req();
        let files = launcher.file_system(cx, server).about(server)?;
        namespace.mount(cx, &handed.path(operand), files).about(operand)?;
        Ok(String::new())
    }
}

/// The paths where something is mounted.
fn list(cx: &mut Cx<'_, Run>) -> Result<String, MountError> {
    let mut path = [0; PATH_BYTES];
    let lines = until(MountError::End, |index| {
        let length = cx.req().namespace.mounted(cx, index.into(), &mut path)?;
        let [path] = texts(&path, length as u32);
        Ok(path + "\n")
    })?;
    Ok(lines.concat())
}
