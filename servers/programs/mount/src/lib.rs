//! `mount`: which file system answers for which path.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{Launcher, MountError, Namespace, Program};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

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

impl Server for Mount {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Mount {})
    }
}

program!(Mount, Run, Mounting);

/// What is asked for.
enum Mounting {
    /// All mounts.
    List,
    /// A server's files at a path.
    Mount { server: String, operand: String },
}

impl Work<Run> for Mounting {
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

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match self {
            Mounting::List => match list(cx, output) {
                Ok(()) => Ok(Flow::End(0)),
                Err(error) => handed.fail(cx, "mounts", error),
            },
            Mounting::Mount { server, operand } => mount(cx, handed, server, operand),
        }
    }
}

/// Shows the paths where something is mounted.
fn list(cx: &mut Cx<'_, Run>, output: &mut Vec<u8>) -> Result<(), MountError> {
    let mut path = [0; PATH_BYTES];
    for index in 0.. {
        let length = match cx.req().namespace.mounted(cx, index, &mut path) {
            Ok(length) => length,
            Err(MountError::End) => break,
            Err(error) => return Err(error),
        };
        output.extend(&path[..PATH_BYTES.min(length as usize)]);
        output.push(b'\n');
    }
    Ok(())
}

fn mount(cx: &mut Cx<'_, Run>, handed: &Handed, server: &str, operand: &str) -> Result<Flow, Stop> {
    let needs = cx.req();
    let files = match needs.launcher.file_system(cx, server) {
        Ok(files) => files,
        Err(error) => return handed.fail(cx, server, error),
    };
    match needs.namespace.mount(cx, &handed.path(operand), files) {
        Ok(()) => Ok(Flow::End(0)),
        Err(error) => handed.fail(cx, operand, error),
    }
}
