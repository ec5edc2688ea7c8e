//! The server around the editor and the script.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use warren::{Cx, New, Out, Req, Required, Server, StartError, server};
use warren_idl::{Console, ConsoleError, Parameters, Terminal, TerminalError};
use warren_parameters::parameter;

use crate::ahead::Ahead;
use crate::editor::{Editor, Event};
use crate::script::{Script, ScriptLine};

/// Columns of a screen of which nothing is known.
const COLUMNS: usize = 80;

/// Bytes that are read from the console in one call.
const READ_BYTES: usize = 64;

/// Bytes that are written to the console in one call, before line feeds are replaced.
const WRITE_BYTES: usize = 8 * 1024;

/// What the terminal stands on.
#[derive(Required)]
pub struct Needs {
    console: Req<dyn Console>,
    parameters: Req<dyn Parameters>,
}

/// Lines from a console, with editing and history.
///
/// Parameters: `mode`, `interactive` (default) or `script`; `columns` of the screen. Two threads that
/// read at the same time type one line together, and one of them gets it.
#[server(provides(Terminal), parameters("mode", "columns"))]
pub struct LineTerminal {
    mode: Mode,
    ahead: Ahead,
}

enum Mode {
    Interactive(Box<Editor>),
    Script(Script),
}

impl Server for LineTerminal {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let parameters = &cx.req().parameters;
        let is_script = |text: &str| match text {
            "interactive" => Some(false),
            "script" => Some(true),
            _ => None,
        };
        let refusal = "`mode` is not `interactive` or `script`";
        let mode = if parameter(parameters, "mode", is_script, refusal)?.unwrap_or(false) {
            Mode::Script(Script::default())
        } else {
            let number = |text: &str| text.parse().ok();
            let columns = parameter(parameters, "columns", number, "`columns` is not a number")?;
            Mode::Interactive(Box::new(Editor::new(columns.unwrap_or(COLUMNS))))
        };
        Ok(LineTerminal { mode, ahead: Ahead::default() })
    }
}

impl Terminal for LineTerminal {
    fn read_line(
        cx: &mut Cx<'_, Self>,
        prompt: &str,
        mut line: Out<'_>,
    ) -> Result<u64, TerminalError> {
        match &mut cx.mode {
            Mode::Interactive(editor) => {
                editor.begin(prompt);
                let text = Self::edit(cx)?;
                line.fill_from(text.as_bytes());
                Ok(text.len() as u64)
            }
            Mode::Script(_) => {
                let read = Self::read_script(cx)?;
                line.fill_from(&read.bytes);
                Ok(read.length)
            }
        }
    }

    fn write(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), TerminalError> {
        let interactive = match &mut cx.mode {
            Mode::Interactive(editor) => {
                editor.wrote(bytes);
                true
            }
            Mode::Script(_) => false,
        };
        for chunk in bytes.chunks(WRITE_BYTES) {
            if interactive {
                cx.req().console.write(cx, &with_returns(chunk))?;
            } else {
                cx.req().console.write(cx, chunk)?;
            }
        }
        Ok(())
    }

    fn interactive(cx: &mut Cx<'_, Self>) -> Result<bool, TerminalError> {
        Ok(matches!(cx.mode, Mode::Interactive(_)))
    }

    fn interrupted(cx: &mut Cx<'_, Self>) -> Result<bool, TerminalError> {
        if matches!(cx.mode, Mode::Script(_)) {
            return Ok(false);
        }
        let mut bytes = [0; READ_BYTES];
        let count = cx.req().console.poll(cx, &mut bytes)?;
        let bytes = bytes.get(..count as usize).unwrap_or(&bytes);
        cx.ahead.add(bytes);
        if !cx.ahead.take_interrupt() {
            return Ok(false);
        }
        cx.req().console.write(cx, b"^C\r\n")?;
        Ok(true)
    }
}

impl LineTerminal {
    /// Edits a line until it ends.
    fn edit(cx: &mut Cx<'_, Self>) -> Result<String, TerminalError> {
        loop {
            let (output, event) = cx.edit_ahead();
            if !output.is_empty() {
                cx.req().console.write(cx, output.as_bytes())?;
            }
            match event {
                Some(Event::Line(line)) => return Ok(line),
                Some(Event::Cancelled) => return Err(TerminalError::Cancelled),
                Some(Event::Ended) => return Err(TerminalError::Ended),
                None => {}
            }
            let mut bytes = [0; READ_BYTES];
            let count = cx.req().console.read(cx, &mut bytes)?;
            cx.ahead.add(bytes.get(..count as usize).unwrap_or(&bytes));
        }
    }

    /// Gives the editor what was read, up to the end of a line; returns what the screen must be sent.
    fn edit_ahead(&mut self) -> (String, Option<Event>) {
        let Mode::Interactive(editor) = &mut self.mode else { return Default::default() };
        let mut event = None;
        while event.is_none()
            && let Some(byte) = self.ahead.next()
        {
            event = editor.feed(byte);
        }
        (editor.take_output(), event)
    }

    /// Reads a script's line, byte by byte: what is behind it stays in the console.
    fn read_script(cx: &mut Cx<'_, Self>) -> Result<ScriptLine, TerminalError> {
        loop {
            if matches!(&cx.mode, Mode::Script(script) if script.ended()) {
                return Err(TerminalError::Ended);
            }
            let mut byte = [0];
            let read = match cx.req().console.read(cx, &mut byte) {
                Ok(0) => continue,
                Ok(_) => Ok(byte[0]),
                Err(ConsoleError::Ended) => Err(()),
                Err(error) => return Err(error.into()),
            };
            let Mode::Script(script) = &mut cx.mode else { return Err(TerminalError::Device) };
            let line = match read {
                Ok(byte) => script.feed(byte),
                Err(()) => script.end(),
            };
            if let Some(line) = line {
                return Ok(line);
            }
        }
    }
}

/// Bytes for a screen: a line feed alone would only move down.
fn with_returns(bytes: &[u8]) -> Vec<u8> {
    let mut screen = Vec::with_capacity(bytes.len() + 64);
    for byte in bytes {
        if *byte == b'\n' {
            screen.push(b'\r');
        }
        screen.push(*byte);
    }
    screen
}
