//! What comes and goes: threads, servers, and servers that die.

use warren::{Cx, SystemError, local};
use warren_idl::{EchoError, LaunchError, ProgramError, Task, ThreadError};

use crate::{
    Run,
    measure::{once, round},
    output::Failure,
    rows::Rows,
};

/// Small servers that nobody else uses, and where they run.
const SERVERS: [(&str, &str); 2] = [("kernel", "registers-kernel"), ("own", "registers-own")];
/// Times that a server dies.
const DEATHS: u64 = 3;

/// What a thread runs that does nothing.
#[local(provides = Task, parent = Run)]
pub struct Nothing {}

impl Task for Nothing {
    fn run(_cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        Ok(0)
    }
}

/// Measures all of it.
pub fn all(cx: &mut Cx<'_, Run>, rows: &mut Rows<'_>) -> Result<(), Failure> {
    threads(cx, rows)?;
    for (place, server) in SERVERS {
        cx.scope(|cx| servers(cx, rows, place, server))?;
        cx.scope(|cx| deaths(cx, rows, place, server))?;
    }
    Ok(())
}

/// Something to run is made; a thread is started, runs it, and is joined.
fn threads(cx: &mut Cx<'_, Run>, rows: &mut Rows<'_>) -> Result<(), Failure> {
    let threads = cx.req().threads.as_ref();
    let measured = round(cx, rows.seldom(), |cx| {
        let ended = cx.scope(|cx| {
            let task = cx.spawn(Nothing {})?;
            threads.start(cx, "nothing", task)?.join(cx)
        });
        ended.map(|_| ()).map_err(error_of)
    })?;
    rows.add(["threads", "here", "created and joined"], measured);
    Ok(())
}

fn error_of(error: ThreadError) -> EchoError {
    match error {
        ThreadError::System(error) => error.into(),
        _ => EchoError::Refused,
    }
}

/// A server is loaded because it is asked for, and destroyed because nobody refers to it.
fn servers(
    cx: &mut Cx<'_, Run>,
    rows: &mut Rows<'_>,
    place: &str,
    server: &str,
) -> Result<(), Failure> {
    let Some(launcher) = cx.req().launcher.get() else { return Ok(()) };
    let launched =
        |cx: &mut Cx<'_, Run>, ()| cx.scope(|cx| launcher.program(cx, server).map(|_| ()));
    let measured = once(cx, DEATHS, |_| Ok(()), launched)?;
    rows.add(["servers", place, "loaded and destroyed"], measured);
    Ok(())
}

/// A server reads address 0 and dies of it, and its caller gets the error.
fn deaths(
    cx: &mut Cx<'_, Run>,
    rows: &mut Rows<'_>,
    place: &str,
    server: &str,
) -> Result<(), Failure> {
    let needs = cx.req();
    let (Some(launcher), Some(control)) = (needs.launcher.get(), needs.control.get()) else {
        return Ok(());
    };
    let measured = once(
        cx,
        DEATHS,
        |cx| {
            let program = launcher.program(cx, server)?;
            control.crash(cx, server, "null").map_err(|_| LaunchError::Failed)?;
            Ok(program)
        },
        |cx, program| match program.manual(cx, &mut []) {
            Err(ProgramError::System(SystemError::Lost)) => Ok(()),
            _ => Err(LaunchError::Failed),
        },
    )?;
    rows.add(["faults", place, "server dies of reading address 0"], measured);
    Ok(())
}
