//! Echo: answers what tests can predict, and fails on demand.
//!
//! # Shape
//!
//! `warren_answers` holds what values and buffers become, for this server and for those who check it.
//! Tokens are local servers, each with a number of its own.
//!
//! # State, and what a restart loses
//!
//! What is kept, watched and counted.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bond;
mod fate;
mod hub;

use alloc::{rc::Rc, vec::Vec};

use warren::{AtomicCx, Cx, Kept, New, Out, Server, StartError, Weak, local, server};
use warren_answers as answers;
use warren_idl::{Counter, Echo, EchoError, EchoRecord, Hub, Token};

/// Answers what tests can predict.
#[server(provides(Echo, Hub, Counter), locals(EchoToken, bond::EchoBond, bond::EchoAtomicBond))]
pub struct EchoServer {
    kept: Option<Kept<dyn Token>>,
    watched: Option<Weak<dyn Token>>,
    counted: u64,
    /// What came of the last kill.
    killed: u64,
    /// Depth of each bounce that is under way.
    bounces: Vec<u32>,
    /// Shared with each token and bond, so that its counts are one more than there are of both.
    alive: Rc<()>,
}

/// A number that is handed around.
#[local(provides = Token, parent = EchoServer)]
pub struct EchoToken {
    value: u64,
    _alive: Rc<()>,
}

impl Server for EchoServer {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let alive = Rc::new(());
        Ok(EchoServer {
            kept: None,
            watched: None,
            counted: 0,
            killed: 0,
            bounces: Vec::new(),
            alive,
        })
    }
}

impl Token for EchoToken {
    fn add(cx: &mut Cx<'_, Self>, more: u64) -> Result<u64, EchoError> {
        cx.value = cx.value.wrapping_add(more);
        Ok(cx.value)
    }
}

impl Counter for EchoServer {
    fn count(cx: &mut AtomicCx<'_, Self>, more: u64) -> Result<u64, EchoError> {
        cx.counted = cx.counted.wrapping_add(more);
        Ok(cx.counted)
    }

    fn count_bytes(
        cx: &mut AtomicCx<'_, Self>,
        bytes: &[u8],
        mut low: Out<'_>,
    ) -> Result<u64, EchoError> {
        cx.counted = cx.counted.wrapping_add(answers::sum(bytes));
        let sum = cx.counted;
        low.zeroed().fill(sum as u8);
        Ok(sum)
    }
}

impl Echo for EchoServer {
    fn nothing(_cx: &mut Cx<'_, Self>) -> Result<(), EchoError> {
        Ok(())
    }

    fn refuse(_cx: &mut Cx<'_, Self>) -> Result<(), EchoError> {
        Err(EchoError::Refused)
    }

    fn add(_cx: &mut Cx<'_, Self>, a: u64, b: u64) -> Result<u64, EchoError> {
        Ok(a.wrapping_add(b))
    }

    fn narrow(
        _cx: &mut Cx<'_, Self>,
        a: u8,
        b: i16,
        c: i32,
        negate: bool,
    ) -> Result<i32, EchoError> {
        Ok(answers::narrow(a, b, c, negate))
    }

    fn opposite(_cx: &mut Cx<'_, Self>, value: bool) -> Result<bool, EchoError> {
        Ok(!value)
    }

    fn many(
        _cx: &mut Cx<'_, Self>,
        a: u64,
        b: u64,
        c: u64,
        d: u64,
        e: u64,
        f: u64,
        g: u64,
        h: u64,
        i: u64,
        j: u64,
        k: u64,
    ) -> Result<u64, EchoError> {
        Ok(answers::many([a, b, c, d, e, f, g, h, i, j, k]))
    }

    fn sum(_cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<u64, EchoError> {
        Ok(answers::sum(bytes))
    }

    fn take(_cx: &mut Cx<'_, Self>, _bytes: &[u8]) -> Result<(), EchoError> {
        Ok(())
    }

    fn give(_cx: &mut Cx<'_, Self>, mut buffer: Out<'_>) -> Result<(), EchoError> {
        buffer.zeroed();
        Ok(())
    }

    fn characters(_cx: &mut Cx<'_, Self>, text: &str) -> Result<u64, EchoError> {
        Ok(text.chars().count() as u64)
    }

    fn fill(_cx: &mut Cx<'_, Self>, seed: u8, mut buffer: Out<'_>) -> Result<u64, EchoError> {
        answers::fill(seed, buffer.zeroed());
        Ok(buffer.len() as u64)
    }

    fn invert(_cx: &mut Cx<'_, Self>, bytes: &mut [u8]) -> Result<(), EchoError> {
        answers::invert(bytes);
        Ok(())
    }

    fn copy(_cx: &mut Cx<'_, Self>, from: &[u8], mut to: Out<'_>) -> Result<u64, EchoError> {
        Ok(to.fill_from(from) as u64)
    }

    fn reverse(
        _cx: &mut Cx<'_, Self>,
        record: &EchoRecord,
        by: u64,
    ) -> Result<EchoRecord, EchoError> {
        Ok(answers::reverse(*record, by))
    }
}
