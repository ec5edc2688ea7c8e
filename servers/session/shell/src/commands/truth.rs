//! `true` and `false`: a status and nothing else.

use super::Command;
use crate::stage::once;

pub const TRUE: Command = Command {
    name: "true",
    usage: "true",
    summary: "succeed",
    details: "",
    start: |_| once(|_, _| Ok(0)),
};

pub const FALSE: Command = Command {
    name: "false",
    usage: "false",
    summary: "fail",
    details: "",
    start: |_| once(|_, _| Ok(1)),
};
