//! Clients that have nothing in common but the kernel.

use alloc::vec::Vec;

use warren::{Cx, cycles};

use crate::{
    Run,
    output::{Failure, row},
    signals::Signals,
};

/// Calls of each client: so many that the start and the end of a thread do not show.
const CALLS: u64 = 400_000;

/// So many of them call at once, each a server of its own. What all of it took is divided by all calls: where the processors count instructions
/// they count them together.
pub fn calls(cx: &mut Cx<'_, Run>, clients: u64, output: &mut Vec<u8>) -> Result<(), Failure> {
    let needs = cx.req();
    let all = [&needs.client_1, &needs.client_2, &needs.client_3, &needs.client_4];
    let signals = Signals::new(cx)?;
    let mut threads = Vec::new();
    for client in all.into_iter().take(clients as usize) {
        threads.push(client.as_ref().call(cx, signals.call, CALLS)?);
    }
    let start = cycles();
    signals.raiser.raise()?;
    for thread in threads {
        thread.join(cx)?;
    }
    let took = cycles() - start;
    row(output, "calls of independent clients", took, CALLS * clients);
    Ok(())
}
