//! One conversation of each of the services.

use alloc::{rc::Rc, vec::Vec};

use warren::{Cx, Ref};
use warren_idl::{Connection, Readiness, TcpError};
use warren_serving::{Conversation, Next, Step, Turn, by_steps};

use crate::{Serving, characters::Characters};

/// Bytes that are written at a time, and read at most and at least: to read costs the more, the more is asked for, also where little has come.
const CHUNK: usize = 64 * 1024;
const LEAST: usize = CHUNK / (STEP * STEP);
/// How many times as many bytes are asked for where all came that were, and as few where no more came than that.
const STEP: usize = 4;
/// For how long the other side may say and take nothing: as long as a person stays at a test.
const PATIENCE_NS: u64 = 600_000_000_000;
/// Chunks before others get their turn.
const TURN: usize = 8;
/// There is something to read, or room to write.
const BOTH: u32 = Readiness::READABLE | Readiness::WRITABLE;

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What comes is sent back.
    Echo,
    /// What comes is forgotten.
    Discard,
    /// What can be sent is sent, what comes is forgotten.
    Characters,
}

impl Kind {
    /// All, in order.
    pub const ALL: [Kind; 3] = [Kind::Echo, Kind::Discard, Kind::Characters];

    /// Its port.
    pub fn port(self) -> u16 {
        match self {
            Kind::Echo => 7,
            Kind::Discard => 9,
            Kind::Characters => 19,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Echo => "echo",
            Kind::Discard => "discard",
            Kind::Characters => "chargen",
        }
    }
}

/// A conversation.
pub struct Talk {
    kind: Kind,
    is_new: bool,
    /// Bytes that are asked for next.
    asks: usize,
    /// What came and was not sent back yet.
    kept: Vec<u8>,
    /// Whether the other side has ended.
    is_at_end: bool,
    /// Characters that were sent.
    written: u64,
}

impl Talk {
    /// One that begins.
    pub fn new(kind: Kind) -> Self {
        Talk { kind, is_new: true, asks: LEAST, kept: Vec::new(), is_at_end: false, written: 0 }
    }

    fn step(&mut self, cx: &mut Cx<'_, Serving>, turn: &mut Turn<'_, '_>) -> Step<TcpError> {
        if self.kind == Kind::Characters {
            return self.generate(cx, turn);
        }
        if !self.kept.is_empty() {
            let count = match turn.connection.write_now(cx, &self.kept) {
                Err(TcpError::WouldWait) => {
                    return Ok(Some(turn.wait(Readiness::WRITABLE, PATIENCE_NS)));
                }
                written => written? as usize,
            };
            self.kept.drain(..count);
            return Ok(None);
        }
        if self.is_at_end {
            return Ok(Some(Next::End));
        }
        let asked = self.asks;
        let count = match turn.connection.read_now(cx, &mut turn.chunk[..asked]) {
            Err(TcpError::WouldWait) => {
                return Ok(Some(turn.wait(Readiness::READABLE, PATIENCE_NS)));
            }
            read => read? as usize,
        };
        self.asks = next_asked(asked, count);
        self.is_at_end = count == 0;
        cx.parent().counts[self.kind as usize].bytes += count as u64;
        if self.kind == Kind::Echo {
            let sent = match turn.connection.write_now(cx, &turn.chunk[..count]) {
                Err(TcpError::WouldWait) => 0,
                written => written? as usize,
            };
            self.kept.extend(&turn.chunk[sent..count]);
        }
        // Who got less than it asked for got all that there was.
        let waits = !self.is_at_end && self.kept.is_empty() && count < asked;
        Ok(waits.then(|| turn.wait(Readiness::READABLE, PATIENCE_NS)))
    }

    /// Forgets what the other side says.
    fn listen(&mut self, cx: &mut Cx<'_, Serving>, turn: &mut Turn<'_, '_>) -> Step<TcpError> {
        loop {
            match turn.connection.read_now(cx, turn.chunk) {
                Err(TcpError::WouldWait) => return Ok(None),
                Ok(0) => return Ok(Some(Next::End)),
                read => drop(read?),
            }
        }
    }

    fn generate(&mut self, cx: &mut Cx<'_, Serving>, turn: &mut Turn<'_, '_>) -> Step<TcpError> {
        let text = cx.characters.get_or_insert_with(|| Rc::new(Characters::new(CHUNK))).clone();
        match turn.connection.write_now(cx, &text.behind(self.written)[..CHUNK]) {
            Err(TcpError::WouldWait) => Ok(Some(turn.wait(BOTH, PATIENCE_NS))),
            written => {
                let count = written?;
                self.written += count;
                cx.parent().counts[self.kind as usize].bytes += count;
                Ok(None)
            }
        }
    }
}

/// How many bytes to ask for after `came` of `asked` have come.
fn next_asked(asked: usize, came: usize) -> usize {
    match came {
        _ if came >= asked => (asked * STEP).min(CHUNK),
        _ if came <= asked / STEP => (asked / STEP).max(LEAST),
        _ => asked,
    }
}

impl Conversation<Serving> for Talk {
    fn go_on(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        connection: Ref<'_, dyn Connection>,
        now_ns: u64,
    ) -> Next {
        if core::mem::take(&mut self.is_new) {
            cx.parent().counts[self.kind as usize].conversations += 1;
        }
        // Nobody else uses it: one thread has all conversations.
        let mut chunk = core::mem::take(&mut cx.chunk);
        chunk.resize(CHUNK, 0);
        let mut turn = Turn { connection, now_ns, chunk: &mut chunk };
        // Whoever only talks listens once in each turn.
        let heard = match self.kind {
            Kind::Characters => by_steps(1, || self.listen(cx, &mut turn)),
            Kind::Echo | Kind::Discard => None,
        };
        let next = heard.or_else(|| by_steps(TURN, || self.step(cx, &mut turn)));
        // What stays ready is reported again, after the others.
        let interest = match (self.kind, self.kept.is_empty()) {
            (Kind::Characters, _) => BOTH,
            (_, true) => Readiness::READABLE,
            (_, false) => Readiness::WRITABLE,
        };
        let next = next.unwrap_or_else(|| turn.wait(interest, PATIENCE_NS));
        cx.chunk = chunk;
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_gets_all_asks_for_more() {
        let mut asked = LEAST;
        for came in [LEAST, 4 * LEAST, CHUNK, CHUNK] {
            assert_eq!(came, asked);
            asked = next_asked(asked, came);
        }
        for (came, expected) in
            [(CHUNK - 1, CHUNK), (CHUNK / 4, CHUNK / 4), (1, LEAST), (0, LEAST), (LEAST - 1, LEAST)]
        {
            asked = next_asked(asked, came);
            assert_eq!(asked, expected);
        }
    }
}
