//! Greedy: clients that read a file over and over, and compute between two reads.
//!
//! Each client is a thread with an open file of its own. All that they use is charged to the principal of this server, what
//! the servers behind the file do for them included.
//!
//! # Result
//!
//! The exit status is the number of clients that failed.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use warren::{Cx, New, Req, Required, Server, StartError, local, server};
use warren_idl::{FileError, FileSystem, Parameters, Task, ThreadError, ThreadFactory, Timer};
use warren_load::{Pieces, work};
use warren_parameters::number;

/// The highest number that a parameter may be: also what stands for no end.
const MOST: u64 = u64::MAX;

/// What the clients need.
#[derive(Required)]
pub struct Needs {
    files: Req<dyn FileSystem>,
    parameters: Req<dyn Parameters>,
    threads: Req<dyn ThreadFactory>,
    timer: Req<dyn Timer>,
}

/// Reads a file over and over by several threads.
#[server(
    provides(Task),
    locals(Client),
    parameters("clients", "reads", "passes", "sleep-us"),
    concurrent,
    stack = 16384,
    summary = "clients that read a file over and over, and compute"
)]
pub struct Greedy {
    clients: u64,
    habit: Habit,
}

/// What each client does.
#[derive(Clone, Copy)]
struct Habit {
    /// Pieces that it reads before it ends.
    reads: u64,
    /// Times that it adds up the bytes of each piece.
    passes: u64,
    /// How long it sleeps after each piece; not at all if 0.
    sleep_ns: u64,
}

/// One client.
#[local(provides = Task, parent = Greedy)]
pub struct Client {}

impl Server for Greedy {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let parameters = &cx.req().parameters;
        let number =
            |name, default, most, refusal| number(parameters, name, default, 0..=most, refusal);
        Ok(Greedy {
            clients: number("clients", 1, 64, "`clients` is no number from 0 to 64")?,
            habit: Habit {
                reads: number("reads", MOST, MOST, "`reads` is no number")?,
                passes: number("passes", 0, 100_000, "`passes` is no number from 0 to 100000")?,
                sleep_ns: number(
                    "sleep-us",
                    0,
                    1_000_000,
                    "`sleep-us` is no number from 0 to 1000000",
                )? * 1000,
            },
        })
    }
}

impl Task for Greedy {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let mut clients = Vec::new();
        for _ in 0..cx.state().clients {
            let client = cx.spawn(Client {})?;
            clients.push(cx.req().threads.start(cx, "greedy client", client)?);
        }
        let mut failed = 0;
        for client in clients {
            failed += u64::from(client.join(cx).is_err());
        }
        Ok(failed)
    }
}

impl Task for Client {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        read_over_and_over(cx).map_err(|error| match error {
            FileError::System(error) => error.into(),
            _ => ThreadError::Failed,
        })
    }
}

/// Returns what came of the work, so that it is done.
fn read_over_and_over(cx: &mut Cx<'_, Client>) -> Result<u64, FileError> {
    let Habit { reads, passes, sleep_ns } = cx.parent_state().habit;
    let needs = cx.req();
    let mut pieces = Pieces::open(cx, needs.files.as_ref())?;
    let mut sum = 0_u64;
    for _ in 0..reads {
        sum = sum.wrapping_add(work(pieces.next(cx)?, passes));
        if sleep_ns > 0 {
            // Whoever is woken before its time goes on before its time.
            needs.timer.sleep(cx, sleep_ns).ok();
        }
    }
    Ok(sum)
}
