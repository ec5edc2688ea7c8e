//! `kill`: ends a thread, a server, or everything of a principal.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, New, Req, Required, Server, StartError, server};
use warren_idl::{Program, SystemControl, SystemControlError, Timer};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

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

impl Server for Kill {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Kill {})
    }
}

program!(Kill, Run, Ending);

/// What is to end.
enum Ending {
    Thread(u64),
    Server(String),
    Principal(String),
}

impl Work<Run> for Ending {
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

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        _: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let system = &cx.req().system;
        let (what, ended) = match self {
            Ending::Thread(context) => (format!("{context}"), system.end_thread(cx, *context)),
            Ending::Server(name) => (name.clone(), system.end_server(cx, name)),
            Ending::Principal(name) => match end_principal(cx, handed, name)? {
                Ok(0) => (name.clone(), Ok(())),
                Ok(left) => {
                    handed.complain(cx, &format!("{name}: {left} threads are still there"))?;
                    return Ok(Flow::End(1));
                }
                Err(error) => (name.clone(), Err(error)),
            },
        };
        match ended {
            Ok(()) => Ok(Flow::End(0)),
            Err(error) => handed.fail(cx, &what, error),
        }
    }
}

/// Ends a principal, and waits a while for its threads. How many are left then.
fn end_principal(
    cx: &mut Cx<'_, Run>,
    handed: &mut Handed,
    name: &str,
) -> Result<Result<u64, SystemControlError>, Stop> {
    let mut left = cx.req().system.end_principal(cx, name);
    for _ in 0..LOOKS {
        if matches!(left, Ok(0) | Err(_)) {
            break;
        }
        handed.go_on(cx)?;
        // Whoever is woken before its time looks before its time.
        cx.req().timer.sleep(cx, LOOK_NS).ok();
        left = cx.req().system.end_principal(cx, name);
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn start(arguments: &[&str]) -> Result<Ending, UsageError> {
        Ending::start(arguments.iter().map(|one| String::from(*one)).collect())
    }

    #[test]
    fn one_thing_is_ended() {
        assert!(matches!(start(&["12"]), Ok(Ending::Thread(12))));
        assert!(matches!(start(&["-s", "ext4"]), Ok(Ending::Server(name)) if name == "ext4"));
        assert!(matches!(start(&["-p", "media"]), Ok(Ending::Principal(name)) if name == "media"));
        for wrong in [vec![], vec!["ext4"], vec!["-s", "a", "-p", "b"], vec!["-p", "b", "12"]] {
            assert!(start(&wrong).is_err(), "{wrong:?}");
        }
    }
}
