//! `sha256`: checksums in the form of `sha256sum`, so that `sha256sum --check` reads them.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};
use warren::server;
use warren_idl::Program;
use warren_program::{
    Arguments, Context, Flow, Manual, Stage, Stop, UsageError,
    input::{Input, Inputs, Next},
    program,
};

/// Shows checksums in the form of `sha256sum`.
#[server(provides(Program), locals(Run), summary = "show SHA-256 checksums of files")]
pub struct Sha256Sums {}

program!(Sha256Sums requires (), Run, Checksums);

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
    const MANUAL: Manual = Manual { usage: "[FILE…]", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "")?;
        let inputs = Inputs::new(arguments.operands);
        Ok(Checksums { inputs, current: None })
    }

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
