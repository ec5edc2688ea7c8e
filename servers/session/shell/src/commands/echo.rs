//! `echo`: its arguments.

use alloc::string::String;
use alloc::vec::Vec;

use super::Command;
use crate::stage::{Invocation, Started, once};

pub const COMMAND: Command = Command {
    name: "echo",
    usage: "echo [-n] [TEXT…]",
    summary: "show its arguments",
    details: "-n  without an end of line\n",
    start,
};

fn start(invocation: Invocation) -> Started {
    once(move |_, output| {
        let arguments: Vec<String> = invocation.arguments;
        let (words, bare) = match arguments.split_first() {
            Some((first, rest)) if first == "-n" => (rest, true),
            _ => (&arguments[..], false),
        };
        output.extend(words.join(" ").into_bytes());
        if !bare {
            output.push(b'\n');
        }
        Ok(0)
    })
}
