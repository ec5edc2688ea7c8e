//! What calls carry besides values: memory of the caller, of which the callee gets copies if it lives elsewhere, and references.
//!
//! The copies lie one below the other from an aligned address on, each at a multiple of [`ALIGNMENT`], for callees in domains
//! and for callees in the kernel alike. Right before one that a callee counts what it writes of ([`COUNTED`]) lies that count.
#![expect(unsafe_code, reason = "copies are raw memory")]

use alloc::vec::Vec;

use warren_abi::{
    call::{BUFFER_BYTES, COUNT_BYTES, COUNTED, REGISTER_WORDS, STACK_WORDS, SystemError},
    signature::Part,
};

/// The words of a call after the reference or state.
pub type Words = [u64; REGISTER_WORDS + STACK_WORDS];

/// Alignment of copies: enough for every flat structure.
pub const ALIGNMENT: u64 = 16;

/// A parameter that is memory of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Buffer {
    /// Index of the word with its address.
    word: usize,
    /// Its length, if that is the same in each call; the next word otherwise.
    bytes: Option<u16>,
    /// Whether the callee reads it.
    read: bool,
    /// Whether the callee writes it.
    written: bool,
    /// Whether a callee that counts says how much it wrote of it.
    countable: bool,
}

/// A parameter that is a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lent {
    /// Index of its word.
    pub word: usize,
    /// ID of the service that it is to.
    pub service: u32,
}

/// All that calls of one function carry besides values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carriage {
    buffers: Vec<Buffer>,
    references: Vec<Lent>,
    /// Whether the callee writes any of the buffers.
    written: bool,
}

/// What calls carry that carry nothing.
pub static NOTHING: Carriage =
    Carriage { buffers: Vec::new(), references: Vec::new(), written: false };

/// A buffer of one call, and its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Copy {
    /// Index of the word with its address.
    word: usize,
    /// Its address, as the caller says.
    original: u64,
    /// Its length.
    bytes: u64,
    /// Where the copy lies.
    address: u64,
    /// Whether the callee reads it.
    read: bool,
    /// Whether the callee writes it.
    written: bool,
    /// Whether a count of what the callee wrote lies before the copy.
    counted: bool,
}

/// Where the copies of a call lie.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Where they end, as the callee sees them; a multiple of [`ALIGNMENT`].
    pub end: u64,
    /// So many bytes further the platform sees them.
    pub beyond: u64,
    /// Whether the callee counts what it writes.
    pub counts: bool,
}

impl Carriage {
    /// What calls with these parameters carry.
    pub fn of(parameters: &[Part]) -> Self {
        let placed = || {
            parameters.iter().scan(0, |next, &part| {
                let word = *next;
                *next += part.words();
                Some((word, part))
            })
        };
        let buffers: Vec<_> = placed()
            .filter(|(_, part)| part.is_memory())
            .map(|(word, part)| Buffer {
                word,
                bytes: match part {
                    Part::InStruct(bytes) | Part::OutStruct(bytes) => Some(bytes),
                    _ => None,
                },
                read: matches!(part, Part::In | Part::InOut | Part::InStruct(_)),
                written: matches!(part, Part::Out | Part::InOut | Part::OutStruct(_)),
                countable: part == Part::Out,
            })
            .collect();
        let references = placed().filter_map(|(word, part)| match part {
            Part::Reference(service) => Some(Lent { word, service }),
            _ => None,
        });
        let written = buffers.iter().any(|buffer| buffer.written);
        Carriage { buffers, references: references.collect(), written }
    }

    /// Whether that is nothing.
    pub fn is_empty(&self) -> bool {
        self.buffers.is_empty() && self.references.is_empty()
    }

    /// Whether the first parameter is memory of the caller, and there are no references.
    pub fn begins_with_buffer(&self) -> bool {
        self.references.is_empty() && self.buffers.first().is_some_and(|buffer| buffer.word == 0)
    }

    /// The references.
    pub fn references(&self) -> &[Lent] {
        &self.references
    }

    /// Bytes that the copies of a call with these words take, with their counts, unless that is more than a call may carry. `counts`: whether the
    /// callee counts what it writes.
    pub fn room(&self, words: &[u64], counts: bool) -> Result<u64, SystemError> {
        let mut copies = 0;
        let mut of_counts = 0;
        for buffer in &self.buffers {
            let bytes = buffer.length(words);
            if bytes > BUFFER_BYTES as u64 {
                return Err(SystemError::BadBuffer);
            }
            copies += bytes.next_multiple_of(ALIGNMENT);
            of_counts += if counts && buffer.countable { COUNT_BYTES } else { 0 };
        }
        let fits = copies <= BUFFER_BYTES as u64;
        if fits { Ok(copies + of_counts) } else { Err(SystemError::BadBuffer) }
    }

    /// Makes the copies of a call with these words: `copy` copies what the callee reads, to the first address from the second one, so many bytes; what it only
    /// writes is prepared; and `told`, the words that it gets, name the copies.
    ///
    /// # Errors
    ///
    /// Those of `copy`, after half of it.
    ///
    /// # Safety
    ///
    /// At the place there is [`Carriage::room`] for the copies, which is nobody else's.
    #[inline]
    pub unsafe fn carry_in(
        &self,
        words: &[u64],
        told: &mut [u64],
        place: Place,
        copy: impl Fn(u64, u64, u64) -> Result<(), SystemError>,
    ) -> Result<(), SystemError> {
        for it in self.copies(words, place.end, place.counts) {
            let view = it.address.wrapping_add(place.beyond);
            if it.read {
                copy(view, it.original, it.bytes)?;
            } else {
                // SAFETY: the caller's promise.
                unsafe { it.prepare(view) };
            }
            it.tell(told);
        }
        Ok(())
    }

    /// Lets `copy` copy what the callee has written to the caller, whose words these are: to the first address from the second one, so many bytes.
    ///
    /// # Errors
    ///
    /// Those of `copy`, after half of it.
    ///
    /// # Safety
    ///
    /// [`Carriage::carry_in`] has made the copies at the place.
    #[inline]
    pub unsafe fn carry_out(
        &self,
        words: &[u64],
        place: Place,
        copy: impl Fn(u64, u64, u64) -> Result<(), SystemError>,
    ) -> Result<(), SystemError> {
        if !self.written {
            return Ok(());
        }
        for it in self.copies(words, place.end, place.counts).filter(|it| it.written) {
            let view = it.address.wrapping_add(place.beyond);
            // SAFETY: the caller's promise.
            let filled = unsafe { it.filled(view) };
            copy(it.original, view, filled)?;
        }
        Ok(())
    }

    /// The buffers of a call with these words, whose copies lie below `end`, where there is [`Carriage::room`] for them.
    #[inline]
    fn copies(&self, words: &[u64], mut end: u64, counts: bool) -> impl Iterator<Item = Copy> {
        self.buffers.iter().map(move |buffer| {
            let Buffer { word, read, written, .. } = *buffer;
            let bytes = buffer.length(words);
            let address = end - bytes.next_multiple_of(ALIGNMENT);
            let counted = counts && buffer.countable;
            end = if counted { address - COUNT_BYTES } else { address };
            Copy { word, original: words[word], bytes, address, read, written, counted }
        })
    }
}

impl Buffer {
    /// The length in a call with these words.
    #[inline(always)]
    fn length(&self, words: &[u64]) -> u64 {
        match self.bytes {
            Some(bytes) => bytes.into(),
            None => words[self.word + 1],
        }
    }
}

impl Copy {
    /// Prepares a copy that the callee only writes, at `view`: its count, or all of it, becomes zero, because the caller must not find what was there before.
    ///
    /// # Safety
    ///
    /// The copy is seen at `view`, and nobody else's.
    #[inline]
    unsafe fn prepare(&self, view: u64) {
        let copy = view as *mut u8;
        match self.counted {
            // SAFETY: the count is before the copy, which is aligned.
            true => unsafe { copy.cast::<u64>().wrapping_sub(1).write(0) },
            // SAFETY: the caller's promise.
            false => unsafe { copy.write_bytes(0, self.bytes as usize) },
        }
    }

    /// Bytes of the copy at `view` that go to the caller: as many as the callee says that it has written, if it counts.
    ///
    /// # Safety
    ///
    /// The copy is seen at `view`, and was prepared. The callee may still write to it.
    #[inline]
    unsafe fn filled(&self, view: u64) -> u64 {
        match self.counted {
            // SAFETY: the count is before the copy, which is aligned.
            true => unsafe { (view as *const u64).wrapping_sub(1).read_volatile() }.min(self.bytes),
            false => self.bytes,
        }
    }

    /// Lets the words that the callee gets name the copy.
    #[inline]
    fn tell(&self, words: &mut [u64]) {
        words[self.word] = self.address;
        if self.counted {
            words[self.word + 1] |= COUNTED as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = BUFFER_BYTES as u64;

    fn words<const N: usize>(first: [u64; N]) -> Words {
        let mut words = Words::default();
        words[..N].copy_from_slice(&first);
        words
    }

    #[test]
    fn copies_lie_one_below_the_other_at_aligned_addresses() {
        let carriage = Carriage::of(&[Part::Value, Part::In, Part::OutStruct(20), Part::InOut]);
        let words = words([7, 0x1000, 33, 0x2000, 0x3000, 5]);
        assert_eq!(carriage.room(&words, false), Ok(96));
        let all: Vec<_> = carriage.copies(&words, 0x1_0060, false).collect();
        let expected =
            [(1, 0x1000, 33, 0x1_0030), (3, 0x2000, 20, 0x1_0010), (4, 0x3000, 5, 0x1_0000)];
        assert!(all.iter().map(|it| (it.word, it.original, it.bytes, it.address)).eq(expected));
        let directions = [(true, false), (false, true), (true, true)];
        assert!(all.iter().map(|it| (it.read, it.written)).eq(directions));
        assert!(all.iter().all(|it| !it.counted));
    }

    #[test]
    fn counts_lie_before_what_is_only_written() {
        let carriage = Carriage::of(&[Part::In, Part::Out, Part::OutStruct(8), Part::Out]);
        let mut words = words([0x1000, 20, 0x2000, 5, 0x3000, 0x4000, 16]);
        assert_eq!(carriage.room(&words, true), Ok(112));
        assert_eq!(carriage.room(&words, false), Ok(80));
        let all: Vec<_> = carriage.copies(&words, 112, true).collect();
        let expected = [(80, false), (64, true), (32, false), (16, true)];
        assert!(all.iter().map(|it| (it.address, it.counted)).eq(expected));
        all.iter().for_each(|copy| copy.tell(&mut words));
        assert_eq!(words[..4], [80, 20, 64, 5 | 1 << 63]);
        assert_eq!(words[4..7], [32, 16, 16 | 1 << 63]);
    }

    #[test]
    fn lengths_that_overflow_or_exceed_the_limit_are_refused() {
        let carriage = Carriage::of(&[Part::In, Part::Out]);
        let refused =
            [(LIMIT, 1), (u64::MAX, u64::MAX), (u64::MAX - 15, 16), (0, LIMIT + 1), (0, 1 << 63)];
        for (first, second) in refused {
            let words = words([0, first, 0, second]);
            assert_eq!(carriage.room(&words, false), Err(SystemError::BadBuffer));
            assert_eq!(carriage.room(&words, true), Err(SystemError::BadBuffer));
        }
        assert_eq!(carriage.room(&Words::default(), false), Ok(0));
        let all = words([0, LIMIT - 32, 0, 32]);
        assert_eq!(carriage.room(&all, false), Ok(LIMIT));
        assert_eq!(carriage.room(&all, true), Ok(LIMIT + COUNT_BYTES));
    }

    #[test]
    fn what_was_not_written_does_not_go_to_the_caller() {
        let carriage = Carriage::of(&[Part::Out]);
        let words = words([0x1000, 20]);
        let mut room = [0xaau64; 6];
        let start = room.as_mut_ptr() as u64;
        let counted = carriage.copies(&words, start + 48, true).next().unwrap();
        assert_eq!(counted.address, start + 16);
        // SAFETY: the copy and its count lie in the array.
        unsafe { counted.prepare(counted.address) };
        // SAFETY: as above.
        let filled = unsafe { counted.filled(counted.address) };
        assert_eq!((filled, room[1], room[2]), (0, 0, 0xaa));
        room[1] = u64::MAX;
        // SAFETY: as above.
        assert_eq!(unsafe { counted.filled(counted.address) }, 20);
        let whole = carriage.copies(&words, start + 48, false).next().unwrap();
        // SAFETY: as above.
        unsafe { whole.prepare(whole.address) };
        // SAFETY: as above.
        let filled = unsafe { whole.filled(whole.address) };
        assert_eq!((filled, room[1], room[2], room[3]), (20, u64::MAX, 0, 0));
    }

    #[test]
    fn references_are_found_behind_wider_parts() {
        let parameters = [Part::In, Part::Reference(7), Part::Value, Part::Reference(9)];
        let carriage = Carriage::of(&parameters);
        let expected = [Lent { word: 2, service: 7 }, Lent { word: 4, service: 9 }];
        assert_eq!(carriage.references(), expected);
        assert!(!carriage.is_empty() && Carriage::of(&[Part::Word, Part::Value]).is_empty());
    }
}
