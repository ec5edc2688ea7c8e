//! `true` and `false`: a status and nothing else.

use warren_program::Manual;

use super::{Command, end};

pub const TRUE: Command = Command {
    name: "true",
    summary: "succeed",
    manual: Manual { usage: "", details: "" },
    run: |_, _| end(0),
};

pub const FALSE: Command = Command {
    name: "false",
    summary: "fail",
    manual: Manual { usage: "", details: "" },
    run: |_, _| end(1),
};
