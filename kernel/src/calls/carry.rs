//! What a call on the fast path carries besides values: copies of buffers, and references that are lent.
//!
//! Assembly calls these functions with interrupts off and with the kernel's lock, with the caller's page tables in use. Whatever they
//! do not like goes the long way, which says what is wrong.
#![expect(unsafe_code, reason = "copies between protection domains")]

use warren_abi::call::{Ret, SYSTEM_ERRORS, SystemError};
use warren_engine::{
    arguments::{Carriage, Lent, Place},
    instance::Instance,
    layout::Temporary,
    reference::{current, end_temporaries, first_temporary, give_back, held_as, push_temporary_of},
};

use super::copy::{self, Owner};
use crate::{
    cpu::{block, interrupts},
    memory::{
        regions,
        user_stacks::{GAP, UserStack, start},
    },
    system::Kernel,
};

/// Words of a call in registers, the reference first.
const WORDS: usize = 6;

/// A call that carries something, on the kernel's stack. Assembly makes it.
#[derive(Debug)]
#[repr(C)]
pub struct Passage {
    /// rdi, rsi, rdx, r10, r8, r9 as the caller passed them.
    pub words: [u64; WORDS],
    /// What it carries.
    pub carriage: *const Carriage,
    /// Not 0 if the callee counts what it writes of a buffer.
    pub counts: u64,
    /// Where the copies of buffers end that the callee gets, as it sees them; each lies below the one before it.
    pub end: u64,
    /// Nothing; what lies on the stack is aligned.
    pub even: u64,
}

/// Bytes of a [`Passage`], which lies on an aligned stack.
pub const PASSAGE_BYTES: usize = size_of::<Passage>();
const _: () = assert!(PASSAGE_BYTES.is_multiple_of(16));

impl Passage {
    /// What the call carries.
    fn carriage(&self) -> &'static Carriage {
        // SAFETY: assembly passes what was learnt of a call of the caller's, whose record the caller's frame keeps.
        unsafe { &*self.carriage }
    }

    /// The words after the reference.
    fn arguments(&self) -> &[u64] {
        &self.words[1..]
    }

    /// Bytes of all copies, with their counts.
    fn room(&self) -> Result<u64, SystemError> {
        self.carriage().room(self.arguments(), self.counts != 0)
    }

    /// Where they lie. The kernel sees them `beyond` as many bytes of where the callee does.
    fn place(&self, beyond: u64) -> Place {
        Place { end: self.end, beyond, counts: self.counts != 0 }
    }

    /// Copies what the callee reads, lends references to `holder`, and tells the callee by `words`. `Err` after half of it.
    fn carry_in(
        &self,
        words: &mut [u64; WORDS],
        beyond: u64,
        holder: Option<&Instance>,
    ) -> Result<(), SystemError> {
        let place = self.place(beyond);
        // SAFETY: the copies lie in the room that the caller of this function has set aside.
        let copy = |to, from, bytes| unsafe { copy::copy_in(Owner::User, to, from, bytes) };
        // SAFETY: as above.
        unsafe { self.carriage().carry_in(self.arguments(), &mut words[1..], place, copy)? };
        for &Lent { word, service } in self.carriage().references() {
            let object = held_as::<Kernel>(current::<Kernel>(), self.arguments()[word], service)?;
            // SAFETY: interrupts are off, and the block is this CPU's. The call's frame is the first free one.
            let owner = unsafe { (*block::engine()).frame }.wrapping_add(1);
            push_temporary_of::<Kernel>(object, holder, owner)?;
        }
        Ok(())
    }

    /// [`Passage::carry_in`], undone if half of it was done.
    fn carry_all_in(
        &self,
        words: &mut [u64; WORDS],
        beyond: u64,
        holder: Option<&Instance>,
    ) -> bool {
        // SAFETY: interrupts are off, and the block is this CPU's.
        let mark = unsafe { (*block::engine()).temporary };
        let carried = self.carry_in(words, beyond, holder).is_ok();
        if !carried {
            take_back(mark);
        }
        carried
    }

    /// Copies what the callee wrote to the caller; the call's answer.
    fn carry_out(&self, beyond: u64, answer: Ret) -> Ret {
        if answer.error >= SYSTEM_ERRORS {
            return answer;
        }
        // SAFETY: the copies are there still.
        let copy = |to, from, bytes| unsafe { copy::copy_out(Owner::User, to, from, bytes) };
        // SAFETY: `carry_in` has made them.
        let carried =
            unsafe { self.carriage().carry_out(self.arguments(), self.place(beyond), copy) };
        carried.map_or_else(|error| Ret::err(error.number()), |()| answer)
    }
}

/// Takes the temporaries from `mark` on back. The caller holds what they named.
fn take_back(mark: *mut Temporary) {
    // SAFETY: interrupts are off, and the block is this CPU's.
    let end = unsafe { (*block::engine()).temporary };
    let mut next = mark;
    while next < end {
        // SAFETY: entries below the end are initialised.
        let entry = unsafe { next.read() };
        // SAFETY: the entry is forgotten below.
        unsafe { give_back::<Kernel>(entry) };
        next = next.wrapping_add(1);
    }
    // SAFETY: everything from the mark on was given back.
    unsafe { end_temporaries::<Kernel>(mark) };
}

/// Carries everything of a call into a domain. The visit's [`UserStack::next`], below the copies; 0 if the call has to
/// go the long way.
pub extern "C" fn into_domain(
    passage: &mut Passage,
    words: &mut [u64; WORDS],
    stack: &UserStack,
    callee: &Instance,
) -> u64 {
    passage.end = start(stack.next);
    let Ok(room) = passage.room() else { return 0 };
    let lowest = passage.end.saturating_sub(room);
    if passage.end > stack.top || lowest + GAP < stack.enough {
        return 0;
    }
    let carried = passage.carry_all_in(words, regions::BEYOND, Some(callee));
    if carried { lowest + GAP } else { 0 }
}

/// Takes back what was lent for a call that cannot be made at once.
pub extern "C" fn carried_in_vain() {
    // SAFETY: interrupts are off, and the block is this CPU's. The call's frame is the first free one.
    let owner = unsafe { (*block::engine()).frame }.wrapping_add(1);
    take_back(first_temporary::<Kernel>(owner));
}

/// Carries everything back out of a domain; the call's answer.
pub extern "C" fn out_of_domain(passage: &Passage, error: u64, value: u64) -> Ret {
    passage.carry_out(regions::BEYOND, Ret { error, value })
}

/// Room for copies below the passage on the kernel's stack, of which there is enough as long as it does not go below `limit`;
/// `u64::MAX` if the call has to go the long way.
pub extern "C" fn room_in_kernel(passage: &mut Passage, limit: u64) -> u64 {
    passage.end = core::ptr::from_ref(passage) as u64;
    let room = passage.room().ok().filter(|room| passage.end - room >= limit);
    room.unwrap_or(u64::MAX)
}

/// Carries everything of a call to copies below the passage on the kernel's stack; `false` if the call has to go the long way.
pub extern "C" fn into_kernel(passage: &mut Passage, words: &mut [u64; WORDS]) -> bool {
    passage.carry_all_in(words, 0, None)
}

/// Carries everything back from copies on the kernel's stack; the call's answer.
pub extern "C" fn out_of_kernel(passage: &Passage, error: u64, value: u64) -> Ret {
    interrupts::in_kernel(|| passage.carry_out(0, Ret { error, value }))
}
