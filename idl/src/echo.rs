//! What tests and benchmarks call: every way to pass something, with answers that can be predicted.

use warren::{AtomicCx, Cx, Flat, Out, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{AtomicBond, Bond, Semaphore, SemaphoreError, Signal, SignalError};

/// Why a test server refused.
#[errors]
pub enum EchoError {
    /// It was asked to refuse.
    Refused = 1,
    /// Nothing was kept before.
    Nothing = 2,
    /// Its own state is not what it must be.
    Broken = 3,
}

impl From<SignalError> for EchoError {
    fn from(error: SignalError) -> Self {
        match error {
            SignalError::System(error) => EchoError::System(error),
            _ => EchoError::Refused,
        }
    }
}

impl From<SemaphoreError> for EchoError {
    fn from(error: SemaphoreError) -> Self {
        match error {
            SemaphoreError::System(error) => EchoError::System(error),
            _ => EchoError::Refused,
        }
    }
}

/// Three fields of different sizes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct EchoRecord {
    /// Eight bytes.
    pub wide: u64,
    /// Four bytes.
    pub narrow: u32,
    /// Four bytes.
    pub small: [u8; 4],
}

impl Flat for EchoRecord {}

/// Values and buffers.
#[service(id = 0x7e57_0001)]
pub trait Echo {
    /// Does nothing.
    fn nothing(cx: &mut Cx<'_, Self>) -> Result<(), EchoError>;
    /// Refuses.
    fn refuse(cx: &mut Cx<'_, Self>) -> Result<(), EchoError>;
    /// The sum, modulo 2^64.
    fn add(cx: &mut Cx<'_, Self>, a: u64, b: u64) -> Result<u64, EchoError>;
    /// The sum of narrow numbers, negated if asked.
    fn narrow(cx: &mut Cx<'_, Self>, a: u8, b: i16, c: i32, negate: bool)
    -> Result<i32, EchoError>;
    /// The opposite.
    fn opposite(cx: &mut Cx<'_, Self>, value: bool) -> Result<bool, EchoError>;
    /// The sum of each number times its place, counted from 1.
    #[expect(clippy::too_many_arguments, reason = "more words than registers is what is tested")]
    fn many(
        cx: &mut Cx<'_, Self>,
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
    ) -> Result<u64, EchoError>;
    /// The sum of the bytes.
    fn sum(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<u64, EchoError>;
    /// Reads nothing of the bytes.
    fn take(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), EchoError>;
    /// Zeroes the buffer.
    fn give(cx: &mut Cx<'_, Self>, buffer: Out<'_>) -> Result<(), EchoError>;
    /// The number of characters.
    fn characters(cx: &mut Cx<'_, Self>, text: &str) -> Result<u64, EchoError>;
    /// Fills the buffer with `seed`, `seed + 1`, and so on; returns its length.
    fn fill(cx: &mut Cx<'_, Self>, seed: u8, buffer: Out<'_>) -> Result<u64, EchoError>;
    /// Inverts each byte in its place.
    fn invert(cx: &mut Cx<'_, Self>, bytes: &mut [u8]) -> Result<(), EchoError>;
    /// Copies as much of `from` as fits; returns how much that was.
    fn copy(cx: &mut Cx<'_, Self>, from: &[u8], to: Out<'_>) -> Result<u64, EchoError>;
    /// Returns the record with each field's bytes reversed, and `by` added to `wide` before that.
    fn reverse(
        cx: &mut Cx<'_, Self>,
        record: &EchoRecord,
        by: u64,
    ) -> Result<EchoRecord, EchoError>;
}

/// An object that is handed around.
#[service(id = 0x7e57_0002)]
pub trait Token {
    /// Adds to its value and returns the sum.
    fn add(cx: &mut Cx<'_, Self>, more: u64) -> Result<u64, EchoError>;
}

/// References, and calls that go on to other servers.
#[service(id = 0x7e57_0003)]
pub trait Hub {
    /// Makes a token.
    fn make<'f>(cx: &mut Cx<'f, Self>, value: u64) -> Result<Ref<'f, dyn Token>, EchoError>;
    /// Tokens and bonds of this server that are alive.
    fn alive(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError>;
    /// Returns the token.
    fn pass<'f>(
        cx: &mut Cx<'f, Self>,
        token: Ref<'f, dyn Token>,
    ) -> Result<Ref<'f, dyn Token>, EchoError>;
    /// Does nothing with the token.
    fn ignore<'f>(cx: &mut Cx<'f, Self>, token: Ref<'f, dyn Token>) -> Result<(), EchoError>;
    /// Adds to the token's value.
    fn use_token<'f>(
        cx: &mut Cx<'f, Self>,
        token: Ref<'f, dyn Token>,
        more: u64,
    ) -> Result<u64, EchoError>;
    /// Keeps the token, in place of one that was kept before.
    fn hold<'f>(cx: &mut Cx<'f, Self>, token: Ref<'f, dyn Token>) -> Result<(), EchoError>;
    /// The token that is kept.
    fn kept<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Token>, EchoError>;
    /// Keeps no token.
    fn forget(cx: &mut Cx<'_, Self>) -> Result<(), EchoError>;
    /// Remembers the token without keeping it alive.
    fn watch<'f>(cx: &mut Cx<'f, Self>, token: Ref<'f, dyn Token>) -> Result<(), EchoError>;
    /// The token that is remembered; `Gone` if it is no more.
    fn watched<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Token>, EchoError>;
    /// Makes `count` tokens in scopes of their own and uses each; returns the sum of their values.
    fn make_many(cx: &mut Cx<'_, Self>, count: u64) -> Result<u64, EchoError>;
    /// Calls `other`, which calls this server, and so on, `depth` calls in all; returns their number.
    fn bounce<'f>(
        cx: &mut Cx<'f, Self>,
        other: Ref<'f, dyn Hub>,
        depth: u32,
    ) -> Result<u64, EchoError>;
    /// Calls its own atomic service, which must be refused as re-entry.
    fn count_itself(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError>;
    /// Counts by `counter` between two looks at its own state, which must not have changed.
    fn count_atomically<'f>(
        cx: &mut Cx<'f, Self>,
        counter: Ref<'f, dyn Counter>,
    ) -> Result<u64, EchoError>;
    /// Calls [`Hub::kill`] of `killer` with itself, so that it dies while it waits for that call.
    fn be_killed<'f>(
        cx: &mut Cx<'f, Self>,
        killer: Ref<'f, dyn Hub>,
        way: u32,
    ) -> Result<u64, EchoError>;
    /// Calls [`Hub::die`] of `victim`; returns the number of the error that came of it, 0 for none.
    fn kill<'f>(
        cx: &mut Cx<'f, Self>,
        victim: Ref<'f, dyn Hub>,
        way: u32,
    ) -> Result<u64, EchoError>;
    /// Number of the error that came of the last [`Hub::kill`], 0 for none.
    fn killed(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError>;
    /// Waits until the signal has been raised.
    fn wait<'f>(cx: &mut Cx<'f, Self>, signal: Ref<'f, dyn Signal>) -> Result<(), EchoError>;
    /// Takes a permit.
    fn acquire<'f>(
        cx: &mut Cx<'f, Self>,
        semaphore: Ref<'f, dyn Semaphore>,
    ) -> Result<(), EchoError>;
    /// Fails: 0 by a panic, 1 by an index, 2 by endless recursion, 3 by an endless loop.
    fn die(cx: &mut Cx<'_, Self>, way: u32) -> Result<(), EchoError>;
    /// Makes a bond that calls `holder` back.
    fn bind<'f>(
        cx: &mut Cx<'f, Self>,
        holder: Ref<'f, dyn Counter>,
    ) -> Result<Ref<'f, dyn Bond>, EchoError>;
    /// Makes an atomic bond that calls `holder` back.
    fn bind_atomically<'f>(
        cx: &mut Cx<'f, Self>,
        holder: Ref<'f, dyn Counter>,
    ) -> Result<Ref<'f, dyn AtomicBond>, EchoError>;
}

/// A number behind an atomic service.
#[service(id = 0x7e57_0004, atomic)]
pub trait Counter {
    /// Adds, and returns the sum.
    fn count(cx: &mut AtomicCx<'_, Self>, more: u64) -> Result<u64, EchoError>;
    /// Adds the bytes, and fills the buffer with the low byte of the sum.
    fn count_bytes(
        cx: &mut AtomicCx<'_, Self>,
        bytes: &[u8],
        low: Out<'_>,
    ) -> Result<u64, EchoError>;
}
