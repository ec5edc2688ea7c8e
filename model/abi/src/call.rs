//! Registers of a service call, its result, and the numbers of errors.
//!
//! # Registers
//!
//! A service call is an `extern "C"` call of the System V ABI. The first word is the reference
//! (caller's side) or the address of the callee's state (callee's side). Every scalar is widened
//! to a word of its own; nobody depends on the upper bits of a narrow one. A buffer is two words,
//! address and length in bytes; of one that is only written the length may be [`COUNTED`]. A flat structure is one word, its address. A reference is one word.
//! Words beyond the sixth travel on the stack, at most [`STACK_WORDS`] of them.
//!
//! MXCSR and the x87 control word hold their default values at each entry and return.

/// Words that may follow the reference in registers: rsi, rdx, rcx, r8, r9.
pub const REGISTER_WORDS: usize = 5;

/// Words that may follow on the stack.
pub const STACK_WORDS: usize = 8;

/// Bytes that one call may move across a domain boundary, in all its buffers together.
///
/// The copy lies on the callee's stack, so this is also what a call may cost there. That is the longest packet of IP, and a page for what is said
/// of it.
pub const BUFFER_BYTES: usize = 68 * 1024;

/// Bit of the length of a buffer that a callee only writes, if that server's file says [that it counts](crate::description::COUNTS_OUTPUT): the buffer is a
/// copy, the eight bytes before it are a number that is 0, and the callee lets that number say how many bytes from the start on it has
/// written. Only these are carried to the caller; what lies behind them in the copy is whatever was there before.
pub const COUNTED: usize = 1 << 63;

/// Bytes that the count of a buffer takes before it, so that the buffer is aligned as it would be without.
pub const COUNT_BYTES: u64 = 16;

/// Bytes that the copies of one call take at most: of each buffer two words are passed.
pub const COPIES_BYTES: usize =
    BUFFER_BYTES + (REGISTER_WORDS + STACK_WORDS) / 2 * COUNT_BYTES as usize;

/// What every call returns: `rax` and `rdx`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ret {
    /// 0, or why the call failed: a service's own number, or a system error from [`SYSTEM_ERRORS`] up.
    pub error: u64,
    /// The result, if it is a scalar or a reference, and the call succeeded.
    pub value: u64,
}

impl Ret {
    /// Success with a value.
    pub const fn ok(value: u64) -> Self {
        Ret { error: 0, value }
    }

    /// Failure with an error number, which is not 0.
    pub const fn err(error: u64) -> Self {
        Ret { error, value: 0 }
    }

    /// Failure of a constructor or a `start` hook, with a line for the log: `value` has the text's address
    /// in its lower 48 bits, and its length in bytes above them.
    pub fn refusal(error: u64, reason: &'static str) -> Self {
        let bytes = reason.len().min(usize::from(u16::MAX)) as u64;
        Ret { error, value: reason.as_ptr() as u64 & REASON_ADDRESS | bytes << REASON_SHIFT }
    }

    /// Address and length in bytes of the reason of a [`Ret::refusal`]; no bytes if there is none.
    pub const fn reason(self) -> (u64, u64) {
        (self.value & REASON_ADDRESS, self.value >> REASON_SHIFT)
    }
}

/// Where the length of the reason starts in a refusal's value.
const REASON_SHIFT: u32 = 48;
/// Where the address is in it.
const REASON_ADDRESS: u64 = (1 << REASON_SHIFT) - 1;

/// Number with which a constructor fails for a reason of its own.
pub const OWN_REASON: u64 = 0xffff;

/// System errors are numbered from here; a service's own errors lie below.
pub const SYSTEM_ERRORS: u64 = 0x1_0000;

/// Errors that come from the system and not from the callee. Frozen numbers.
#[repr(u64)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SystemError {
    /// The server died before or during the call.
    Lost = SYSTEM_ERRORS,
    /// The reference was taken back.
    Revoked = SYSTEM_ERRORS + 1,
    /// An account is empty: CPU time, memory, references or threads.
    Budget = SYSTEM_ERRORS + 2,
    /// An atomic service was called again by the thread that is inside it.
    Reentered = SYSTEM_ERRORS + 3,
    /// The word is not a reference that the caller holds, or not one to this service.
    BadReference = SYSTEM_ERRORS + 4,
    /// A buffer is not memory of the caller, overlaps another, or is too large.
    BadBuffer = SYSTEM_ERRORS + 5,
    /// Calls are nested too deeply, or the callee's stack need does not fit any more.
    TooDeep = SYSTEM_ERRORS + 6,
    /// An argument is not a value of its type: text that is not UTF-8, a bool that is not 0 or 1.
    BadArgument = SYSTEM_ERRORS + 7,
    /// The callee answered with a number that its service does not define.
    BadAnswer = SYSTEM_ERRORS + 8,
    /// The weak reference's target is gone.
    Gone = SYSTEM_ERRORS + 9,
    /// A required service that is optional was not connected.
    Absent = SYSTEM_ERRORS + 10,
    /// The call is not atomic, and an atomic call is under way that keeps its caller's lock.
    NotAtomic = SYSTEM_ERRORS + 11,
    /// The server panicked in this call, and goes on.
    Panicked = SYSTEM_ERRORS + 12,
    /// The time that was set for the call has passed.
    Deadline = SYSTEM_ERRORS + 13,
    /// The thread was ended, or a server died for which the call was made.
    Killed = SYSTEM_ERRORS + 14,
}

impl SystemError {
    /// Every system error, in the order of the numbers.
    pub const ALL: [SystemError; 15] = [
        SystemError::Lost,
        SystemError::Revoked,
        SystemError::Budget,
        SystemError::Reentered,
        SystemError::BadReference,
        SystemError::BadBuffer,
        SystemError::TooDeep,
        SystemError::BadArgument,
        SystemError::BadAnswer,
        SystemError::Gone,
        SystemError::Absent,
        SystemError::NotAtomic,
        SystemError::Panicked,
        SystemError::Deadline,
        SystemError::Killed,
    ];

    /// The number that travels in [`Ret::error`].
    pub const fn number(self) -> u64 {
        self as u64
    }

    /// The system error with this number; `None` if it is none.
    pub fn from_number(number: u64) -> Option<Self> {
        let index = number.checked_sub(SYSTEM_ERRORS)?;
        Self::ALL.get(usize::try_from(index).ok()?).copied()
    }

    /// One line for people.
    pub const fn message(self) -> &'static str {
        match self {
            SystemError::Lost => "the server died",
            SystemError::Revoked => "the reference was revoked",
            SystemError::Budget => "the budget is exhausted",
            SystemError::Reentered => "an atomic service was re-entered",
            SystemError::BadReference => "not a reference that the caller holds",
            SystemError::BadBuffer => "not a buffer that the caller may pass",
            SystemError::TooDeep => "calls are nested too deeply",
            SystemError::BadArgument => "an argument is not a value of its type",
            SystemError::BadAnswer => "the server answered nonsense",
            SystemError::Gone => "the target of the weak reference is gone",
            SystemError::Absent => "the service is not connected",
            SystemError::NotAtomic => "only atomic calls can be made inside of an atomic call",
            SystemError::Panicked => "the server panicked in this call",
            SystemError::Deadline => "the time for the call has passed",
            SystemError::Killed => "the thread was ended, or the server that it worked for",
        }
    }
}

impl core::fmt::Display for SystemError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.message())
    }
}

impl core::error::Error for SystemError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_where_its_reason_lies() {
        let reason = "the disk is too small";
        let answer = Ret::refusal(OWN_REASON, reason);
        assert_eq!(answer.error, OWN_REASON);
        assert_eq!(answer.reason(), (reason.as_ptr() as u64, reason.len() as u64));
    }

    #[test]
    fn an_error_without_a_reason_names_no_bytes() {
        assert_eq!(Ret::err(3).reason(), (0, 0));
    }
}
