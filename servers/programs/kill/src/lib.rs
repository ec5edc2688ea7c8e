//! `kill`: ends a thread, a server, or everything of a principal.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Req, Required, server};
use warren_idl::{Program, SystemControl, Timer};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError, program,
};

/// From one look at a principal's threads to the next.
const LOOK_NS: u64 = 1_000_000;
/// Looks after which it is said that threads are still there: two seconds.
const LOOKS: usize = 2000;

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    system: Req<dyn SystemControl>,
    timer: Req<dyn Timer>,
}

/// Ends a thread, a server, or everything of a principal.
#[server(
    provides(Program),
    locals(Run),
    summary = "end a thread, a server, or everything of a principal"
)]
pub struct Kill {}

program!(Kill requires Needs, Run, Reporting<Ending>);

/// What is to end.
enum Ending {
    Thread(u64),
    Server(String),
    Principal(String),
}

impl Report<Run> for Ending {
    const MANUAL: Manual = Manual {
        usage: "CONTEXT | -s SERVER | -p PRINCIPAL",
        details: "\
-s  end a server as a fault would: its callers get an error, and it comes back if the system file says so
-p  end all threads and servers of a principal and of those below it, and wait until the threads are gone;
    the servers do not come back by themselves, and what shares a domain with them is lost with them
CONTEXT is the thread's number in `threads`. Its calls and waits fail from now on, so that it leaves the
servers in which it is with an error; they go on.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "", "sp")?;
        let name = |letter| arguments.text(letter).map(String::from);
        match (name('s'), name('p')) {
            (Some(_), Some(_)) => Err(UsageError("-s and -p exclude each other".into())),
            (Some(server), None) => arguments.none().map(|()| Ending::Server(server)),
            (None, Some(principal)) => arguments.none().map(|()| Ending::Principal(principal)),
            (None, None) => {
                let [context] = arguments.exactly(["CONTEXT"])?;
                let number = context.parse();
                let number = number.map_err(|_| UsageError(format!("not a number: {context}")))?;
                Ok(Ending::Thread(number))
            }
        }
    }

    fn text(&self, cx: &mut Cx<'_, Run>, handed: &Handed) -> Result<String, Trouble> {
        let system = &cx.req().system;
        match self {
            Ending::Thread(context) => {
                system.end_thread(cx, *context).about(&format!("{context}"))?;
            }
            Ending::Server(name) => system.end_server(cx, name).about(name)?,
            Ending::Principal(name) => end_principal(cx, handed, name)?,
        }
        Ok(String::new())
    }
}

/// Ends a principal, and waits a while for its threads.
fn end_principal(cx: &mut Cx<'_, Run>, handed: &Handed, name: &str) -> Result<(), Trouble> {
    let Needs { system, timer } = cx.req();
    let mut looks = 0..LOOKS;
    loop {
        match system.end_principal(cx, name).about(name)? {
            0 => return Ok(()),
            left if looks.next().is_none() => {
                return Err(Trouble::Failed(format!("{name}: {left} threads are still there")));
            }
            _ => (),
        }
        handed.go_on(cx)?;
        // Whoever is woken before its time looks before its time.
        timer.sleep(cx, LOOK_NS).ok();
    }
}
