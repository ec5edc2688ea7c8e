//! Concurrent echo: values and buffers as by `echo`, in a server that is entered without a lock.
//!
//! # State, and what a restart loses
//!
//! What is counted.
#![no_std]
#![forbid(unsafe_code)]

use warren::{AtomicCx, Cx, Lock, New, Out, Server, StartError, server};
use warren_answers as answers;
use warren_idl::{Counter, Echo, EchoError, EchoRecord};

/// Answers what tests can predict, without a lock.
#[server(provides(Echo, Counter), concurrent)]
pub struct ConcurrentEcho {
    counted: Lock<u64>,
}

impl Server for ConcurrentEcho {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(ConcurrentEcho { counted: Lock::new(0) })
    }
}

impl ConcurrentEcho {
    fn add_up(cx: &AtomicCx<'_, Self>, more: u64) -> u64 {
        let mut counted = cx.state().counted.lock(cx);
        *counted = counted.wrapping_add(more);
        *counted
    }
}

impl Counter for ConcurrentEcho {
    fn count(cx: &mut AtomicCx<'_, Self>, more: u64) -> Result<u64, EchoError> {
        Ok(Self::add_up(cx, more))
    }

    fn count_bytes(
        cx: &mut AtomicCx<'_, Self>,
        bytes: &[u8],
        mut low: Out<'_>,
    ) -> Result<u64, EchoError> {
        let sum = Self::add_up(cx, answers::sum(bytes));
        low.zeroed().fill(sum as u8);
        Ok(sum)
    }
}

impl Echo for ConcurrentEcho {
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
