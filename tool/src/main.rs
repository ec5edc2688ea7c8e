//! The `warren` command: takes the command line apart and hands on to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    warren_tool::command::main()
}
