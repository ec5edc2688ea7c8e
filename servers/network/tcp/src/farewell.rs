//! Telling the other sides of connections that this server's last life had that they are no more.
//!
//! They are asked by SYN where they stand. Whoever has the connection answers by an acknowledgment, whatever the number of the SYN is (RFC 5961, section 4), and hears by RST, as
//! anybody who speaks to nobody, that it is not known here: so two stations agree of which one has lost its memory (RFC 9293, section 3.5.1). The SYN acknowledges something, too:
//! so nobody takes it for a new connection, and who would pass over an old SYN answers it.

use alloc::vec::Vec;

use warren::{Cx, SystemError, local};
use warren_idl::{Task, ThreadError};
use warren_tcp::{Flow, SECOND_NS};
use warren_waiting::sleep;

use crate::{
    TcpServer,
    flush::{feed, flush},
    stack::KEPT_FOR_HEADERS,
};

/// How long to wait before all are asked, and asked again: what is asked may be lost, and so may the answers.
const PAUSES_NS: [u64; 3] = [0, SECOND_NS, 3 * SECOND_NS];
/// How many are asked at a time: no more than there are headers for.
const TOGETHER: usize = 16;

/// What a thread of this server runs if there were connections.
#[local(provides = Task, parent = TcpServer)]
pub struct Farewell {
    flows: Vec<Flow>,
}

impl Farewell {
    /// For these.
    pub fn new(flows: Vec<Flow>) -> Self {
        Farewell { flows }
    }

    /// Asks all that are not connected again.
    fn ask(cx: &mut Cx<'_, Self>) -> Result<(), SystemError> {
        let stack = cx.parent().strangers.stack();
        let mut at = 0;
        while at < cx.flows.len() {
            if stack.fresh() < KEPT_FOR_HEADERS {
                feed(cx, &stack, 0)?;
            }
            let end = cx.flows.len().min(at + TOGETHER);
            cx.flows[at..end].iter().for_each(|flow| stack.ask(flow));
            flush(cx, &stack)?;
            at = end;
        }
        Ok(())
    }
}

impl Task for Farewell {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        for pause_ns in PAUSES_NS {
            if pause_ns > 0 {
                sleep(cx, &cx.req().timer, pause_ns)?;
            }
            Self::ask(cx)?;
        }
        Ok(0)
    }
}
