//! `sha256`: checksums in the form of `sha256sum`, so that `sha256sum --check` reads them.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::Command;
use crate::arguments::Arguments;
use crate::input::{Input, Inputs, Next};
use crate::stage::{Context, Flow, Invocation, Stage, Started, Stop};

pub const COMMAND: Command = Command {
    name: "sha256",
    usage: "sha256 [FILE…]",
    summary: "show SHA-256 checksums of files",
    details: "",
    start,
};

fn start(invocation: Invocation) -> Started {
    let arguments = Arguments::parse(invocation.arguments, "", "")?;
    let inputs = Inputs::new("sha256", arguments.operands, invocation.input);
    Ok(Box::new(Checksums { inputs, current: None }))
}

struct Checksums {
    inputs: Inputs,
    current: Option<(Input, Sha256)>,
}

impl Checksums {
    fn hash(
        &mut self,
        mut input: Input,
        mut hash: Sha256,
        context: &mut Context<'_>,
        output: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let mut chunk = Vec::new();
        if input.read(context, &mut chunk)? {
            hash.update(&chunk);
            self.current = Some((input, hash));
            return Ok(());
        }
        self.inputs.done(&input);
        if !input.failed {
            output.extend(line(&hash.finalize(), &input.name).bytes());
        }
        Ok(())
    }
}

impl Stage for Checksums {
    fn pull(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> Result<Flow, Stop> {
        if let Some((input, hash)) = self.current.take() {
            self.hash(input, hash, context, output)?;
            return Ok(Flow::More);
        }
        match self.inputs.next(context)? {
            Next::Input(input) => self.current = Some((input, Sha256::new())),
            Next::Bad => {}
            Next::None => return Ok(Flow::End(self.inputs.failed.into())),
        }
        Ok(Flow::More)
    }
}

/// A name with characters that would break the line is escaped, and a backslash before the line says so.
fn line(hash: &[u8], name: &str) -> String {
    let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let mut line = String::from(if escaped == name { "" } else { "\\" });
    for byte in hash {
        line.push_str(&format!("{byte:02x}"));
    }
    line.push_str("  ");
    line.push_str(&escaped);
    line.push('\n');
    line
}
