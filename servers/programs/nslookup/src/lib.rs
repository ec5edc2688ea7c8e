//! `nslookup`: the addresses of names.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Req, Required, server};
use warren_idl::{ADDRESSES, Address, Program, Resolver};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    resolver: Req<dyn Resolver>,
}

/// Shows the addresses of names.
#[server(provides(Program), locals(Run), summary = "show the addresses of names")]
pub struct Nslookup {}

program!(Nslookup requires Needs, Run, Looking);

struct Looking {
    names: Vec<String>,
    /// The name that is next.
    next: usize,
    status: u8,
}

impl Work<Run> for Looking {
    const MANUAL: Manual = Manual {
        usage: "NAME…",
        details: "One line for each address, first the one that is to be tried first. The status is 1 if a name has none.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let names = Arguments::parse(arguments, "", "")?.operands;
        match names.is_empty() {
            true => Err(UsageError("NAME is missing".into())),
            false => Ok(Looking { names, next: 0, status: 0 }),
        }
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        handed.go_on(cx)?;
        let Some(name) = self.names.get(self.next) else { return Ok(Flow::End(self.status)) };
        self.next += 1;
        let mut addresses = [0; size_of::<Address>() * ADDRESSES];
        match cx.req().resolver.resolve(cx, name, &mut addresses) {
            Ok(count) => {
                let found = addresses.as_chunks().0.iter().take(count as usize);
                for address in found.map(|bytes| Address { bytes: *bytes }) {
                    output.extend(format!("{name} {address}\n").bytes());
                }
            }
            Err(error) => {
                handed.complain_about(cx, name, error)?;
                self.status = 1;
            }
        }
        Ok(Flow::More)
    }
}
