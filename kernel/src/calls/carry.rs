//! What a call on the fast path carries besides values: copies of buffers, and references that are lent.
//!
//! Assembly calls these functions with interrupts off and with the kernel's lock, with the caller's page tables in use. Whatever they
//! do not like goes the long way, which says what is wrong.
#![expect(unsafe_code, reason = "copies between protection domains")]

use alloc::{boxed::Box, vec::Vec};

use warren_abi::{
    call::{BUFFER_BYTES, Ret, SYSTEM_ERRORS, SystemError},
    signature::Part,
};
use warren_engine::arguments::ALIGNMENT;
use warren_engine::{
    instance::{Function, Instance},
    layout::Temporary,
    reference::{current, end_temporaries, first_temporary, give_back, held, push_temporary_of},
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

/// A parameter that is carried.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    /// Index of its word among a [`Passage`]'s.
    word: usize,
    what: Part,
}

/// All that a function's calls carry besides values.
#[derive(Debug)]
pub struct Carriage(Box<[Carried]>);

impl Carriage {
    /// What a function's calls carry; `None` if it is not for the fast path.
    pub fn of(function: &Function) -> Option<Self> {
        let mut word = 1;
        let mut all = Vec::new();
        for &what in &function.parameters {
            if !matches!(what, Part::Value | Part::Word) {
                all.push(Carried { word, what });
            }
            word += what.words();
        }
        let plain = matches!(function.result, Part::Nothing | Part::Value | Part::Word);
        (plain && word <= WORDS).then(|| Carriage(all.into_boxed_slice()))
    }

    /// Whether that is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Carried {
    /// The length of a buffer; `None` if it is a reference.
    fn bytes(self, words: &[u64; WORDS]) -> Option<u64> {
        match self.what {
            Part::InStruct(bytes) | Part::OutStruct(bytes) => Some(bytes.into()),
            Part::In | Part::Out | Part::InOut => Some(words[self.word + 1]),
            _ => None,
        }
    }

    fn is_read(self) -> bool {
        matches!(self.what, Part::In | Part::InOut | Part::InStruct(_))
    }

    fn is_written(self) -> bool {
        matches!(self.what, Part::Out | Part::InOut | Part::OutStruct(_))
    }
}

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
    /// Lowest copy of a buffer, as the callee sees it; 0 before that is known.
    pub copies: u64,
}

/// Bytes of a [`Passage`], which lies on an aligned stack.
pub const PASSAGE_BYTES: usize = size_of::<Passage>();
const _: () = assert!(PASSAGE_BYTES.is_multiple_of(16));

impl Passage {
    /// What the call carries.
    fn carried(&self) -> &'static [Carried] {
        // SAFETY: assembly passes the list of a call that was learnt. It stays as long as the caller's record, which the
        // caller's frame keeps.
        &unsafe { &*self.carriage }.0
    }

    /// The buffers: each with its length and the offset of its copy.
    fn buffers(&self) -> impl Iterator<Item = (Carried, u64, u64)> {
        let mut end = 0u64;
        self.carried().iter().filter_map(move |&carried| {
            let bytes = carried.bytes(&self.words)?;
            let offset = end;
            end = end.saturating_add(bytes.checked_next_multiple_of(ALIGNMENT).unwrap_or(u64::MAX));
            Some((carried, bytes, offset))
        })
    }

    /// Bytes of all copies, a multiple of the alignment; `None` if that is more than a call may carry.
    fn room(&self) -> Option<u64> {
        let mut room = 0u64;
        for carried in self.carried() {
            let bytes = carried.bytes(&self.words).unwrap_or(0);
            if bytes > BUFFER_BYTES as u64 {
                return None;
            }
            room += bytes.next_multiple_of(ALIGNMENT);
        }
        (room <= BUFFER_BYTES as u64).then_some(room)
    }

    /// Copies what the callee reads to `view`, where the kernel sees the copies, zeroes what it writes, lends references to
    /// `holder`, and tells the callee by `words`. `Err` after half of it.
    fn carry_in(
        &self,
        words: &mut [u64; WORDS],
        view: u64,
        holder: Option<&Instance>,
    ) -> Result<(), SystemError> {
        for (carried, bytes, offset) in self.buffers() {
            let target = view + offset;
            if carried.is_read() {
                // SAFETY: the caller of this function has set the room aside.
                unsafe { copy::copy_in(Owner::User, target, self.words[carried.word], bytes)? };
            } else {
                // SAFETY: as above.
                unsafe { (target as *mut u8).write_bytes(0, bytes as usize) };
            }
            words[carried.word] = self.copies + offset;
        }
        let caller = current::<Kernel>();
        for carried in self.carried() {
            let Part::Reference(service) = carried.what else { continue };
            let object = held::<Kernel>(caller, self.words[carried.word])?;
            // SAFETY: objects are valid for good.
            if unsafe { (*object).service } != u64::from(service) {
                return Err(SystemError::BadReference);
            }
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
        view: u64,
        holder: Option<&Instance>,
    ) -> Option<()> {
        // SAFETY: interrupts are off, and the block is this CPU's.
        let mark = unsafe { (*block::engine()).temporary };
        if self.carry_in(words, view, holder).is_ok() {
            return Some(());
        }
        take_back(mark);
        None
    }

    /// Copies what the callee wrote to the caller.
    fn carry_out(&self, view: u64) -> Result<(), SystemError> {
        for (carried, bytes, offset) in self.buffers().filter(|(carried, ..)| carried.is_written())
        {
            // SAFETY: the copy lies where `carry_in` put it.
            unsafe { copy::copy_out(Owner::User, self.words[carried.word], view + offset, bytes)? };
        }
        Ok(())
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
    try_into_domain(passage, words, stack, callee).unwrap_or(0)
}

fn try_into_domain(
    passage: &mut Passage,
    words: &mut [u64; WORDS],
    stack: &UserStack,
    callee: &Instance,
) -> Option<u64> {
    let first = start(stack.next);
    let copies = first.checked_sub(passage.room()?)?;
    if first > stack.top || copies + GAP < stack.enough {
        return None;
    }
    passage.copies = copies;
    passage.carry_all_in(words, regions::view(copies), Some(callee))?;
    Some(copies + GAP)
}

/// Takes back what was lent for a call that cannot be made at once.
pub extern "C" fn carried_in_vain() {
    // SAFETY: interrupts are off, and the block is this CPU's. The call's frame is the first free one.
    let owner = unsafe { (*block::engine()).frame }.wrapping_add(1);
    take_back(first_temporary::<Kernel>(owner));
}

/// Carries everything back out of a domain; the call's answer.
pub extern "C" fn out_of_domain(passage: &Passage, error: u64, value: u64) -> Ret {
    carry_back(passage, regions::view(passage.copies), Ret { error, value })
}

/// Room for copies on the kernel's stack, of which there is enough as long as it does not go below `limit`;
/// `u64::MAX` if the call has to go the long way.
pub extern "C" fn room_in_kernel(passage: &Passage, limit: u64) -> u64 {
    let lowest = core::ptr::from_ref(passage) as u64;
    let room = passage.room().filter(|room| lowest - room >= limit);
    room.unwrap_or(u64::MAX)
}

/// Carries everything of a call to copies on the kernel's stack; `false` if the call has to go the long way.
pub extern "C" fn into_kernel(
    passage: &mut Passage,
    words: &mut [u64; WORDS],
    copies: u64,
) -> bool {
    passage.copies = copies;
    passage.carry_all_in(words, copies, None).is_some()
}

/// Carries everything back from copies on the kernel's stack; the call's answer.
pub extern "C" fn out_of_kernel(passage: &Passage, error: u64, value: u64) -> Ret {
    interrupts::in_kernel(|| carry_back(passage, passage.copies, Ret { error, value }))
}

fn carry_back(passage: &Passage, view: u64, answer: Ret) -> Ret {
    if answer.error >= SYSTEM_ERRORS {
        return answer;
    }
    match passage.carry_out(view) {
        Ok(()) => answer,
        Err(error) => Ret::err(error.number()),
    }
}
