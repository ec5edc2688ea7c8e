//! `mount` and `unmount`: which file system answers for which path.

use super::Command;
use crate::arguments::Arguments;
use crate::stage::{Invocation, Started, once};

pub const MOUNT: Command = Command {
    name: "mount",
    usage: "mount [SERVER PATH]",
    summary: "show mounts, or mount a server's files",
    details: "SERVER is a file system's name in the system file. It is loaded if it was not.\n",
    start: start_mount,
};

pub const UNMOUNT: Command = Command {
    name: "unmount",
    usage: "unmount PATH",
    summary: "take a mount away",
    details: "Files that are open stay open.\n",
    start: start_unmount,
};

fn start_mount(invocation: Invocation) -> Started {
    let arguments = Arguments::parse(invocation.arguments, "", "")?;
    if arguments.operands.is_empty() {
        return list();
    }
    let [server, operand] = arguments.exactly(["SERVER", "PATH"])?;
    once(move |context, _| {
        let path = context.path(&operand);
        match context.world.mount(&server, &path) {
            Ok(()) => Ok(0),
            Err(failure) => {
                let subject = failure.subject(&server, &operand);
                context.complain_about("mount", subject, failure).map(|()| 1)
            }
        }
    })
}

fn list() -> Started {
    once(|context, output| match context.world.mounts() {
        Ok(paths) => {
            for path in paths {
                output.extend(path.bytes());
                output.push(b'\n');
            }
            Ok(0)
        }
        Err(error) => context.complain_about("mount", "mounts", error).map(|()| 1),
    })
}

fn start_unmount(invocation: Invocation) -> Started {
    let [operand] = Arguments::parse(invocation.arguments, "", "")?.exactly(["PATH"])?;
    once(move |context, _| {
        let path = context.path(&operand);
        match context.world.unmount(&path) {
            Ok(()) => Ok(0),
            Err(error) => context.complain_about("unmount", &operand, error).map(|()| 1),
        }
    })
}
