//! What the prober tries while its caller keeps a lock: calls that are not atomic, which must all be refused.

use warren::{AtomicCx, Out, SystemError};
use warren_idl::{Counter, EchoError};

use crate::{
    Prober,
    raw::{self, Function},
};

impl Counter for Prober {
    /// Tries both ways of a call, by values and with a buffer.
    fn count(cx: &mut AtomicCx<'_, Self>, more: u64) -> Result<u64, EchoError> {
        let echo = cx.req().kernel_echo.as_ref().word();
        let bytes = [1; 8];
        let answers = [
            raw::nothing(echo),
            Function::Sum.call(echo, bytes.as_ptr() as u64, bytes.len() as u64),
        ];
        let refused = |answer: &warren::raw::Ret| answer.error == SystemError::NotAtomic.number();
        if answers.iter().all(refused) { Ok(more) } else { Err(EchoError::Broken) }
    }

    fn count_bytes(
        _cx: &mut AtomicCx<'_, Self>,
        _bytes: &[u8],
        _low: Out<'_>,
    ) -> Result<u64, EchoError> {
        Err(EchoError::Refused)
    }
}
