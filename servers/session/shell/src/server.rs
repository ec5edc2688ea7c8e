//! The server around the session.

use alloc::format;

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{
    FileSystem, Launcher, Parameters, Power, Task, Terminal, TerminalError, ThreadError,
};
use warren_parameters::parameter;

use crate::live::Live;
use crate::session::{Session, Turn};
use crate::streams::{Attendant, Saying, Typing};

/// Longest line of a command, or of what a program reads.
pub const LINE_BYTES: usize = 16 * 1024;

/// Failures of the terminal in a row after which the shell gives up. One that died may be restarted.
const TERMINAL_FAILURES: u32 = 16;

const BANNER: &[u8] = b"Warren. Try: help\n";

/// What the shell works with.
#[derive(Required)]
pub struct Needs {
    pub(crate) terminal: Req<dyn Terminal>,
    pub(crate) files: Req<dyn FileSystem>,
    pub(crate) launcher: Req<dyn Launcher>,
    power: Req<dyn Power>,
    parameters: Req<dyn Parameters>,
}

/// Runs commands over files and programs.
///
/// Parameter `mode`: `script` leaves the banner away, `interactive` shows it. Without it the terminal
/// is asked what it is.
#[server(provides(Task), locals(Attendant, Saying, Typing), parameters("mode"), stack = 32768)]
pub struct Shell {
    mode: Mode,
}

#[derive(Clone, Copy)]
enum Mode {
    Interactive,
    Script,
    AsTerminal,
}

impl Server for Shell {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let mode = |text: &str| match text {
            "interactive" => Some(Mode::Interactive),
            "script" => Some(Mode::Script),
            _ => None,
        };
        let refusal = "`mode` is not `interactive` or `script`";
        let mode = parameter(&cx.req().parameters, "mode", mode, refusal)?;
        Ok(Shell { mode: mode.unwrap_or(Mode::AsTerminal) })
    }
}

impl Task for Shell {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let needs = cx.req();
        let interactive = match cx.mode {
            Mode::Interactive => true,
            Mode::Script => false,
            // One that does not answer has its next chance with the first line.
            Mode::AsTerminal => needs.terminal.interactive(cx).unwrap_or(false),
        };
        if interactive {
            let _ = needs.terminal.write(cx, BANNER);
        }
        let status = Self::session(cx)?;
        // If the machine cannot be switched off, whoever runs the shell still gets the status.
        let _ = needs.power.off(cx, status.into());
        Ok(status.into())
    }
}

impl Shell {
    /// Runs a session to its end and returns its status.
    fn session(cx: &mut Cx<'_, Self>) -> Result<u8, ThreadError> {
        let mut session = Session::default();
        let mut failures = 0;
        loop {
            // The references of one command are dropped before the next.
            match cx.scope(|cx| session.turn(&mut Live::new(cx))) {
                Ok(Turn::Next) => failures = 0,
                Ok(Turn::End(status)) => return Ok(status),
                Err(error) if failures < TERMINAL_FAILURES => {
                    failures += 1;
                    // If it came back, the person learns why something is missing.
                    let text = format!("shell: the terminal failed: {error}\n");
                    let _ = cx.req().terminal.write(cx, text.as_bytes());
                }
                Err(TerminalError::System(error)) => return Err(error.into()),
                Err(_) => return Err(ThreadError::Failed),
            }
        }
    }
}
