//! What was learnt of a call, which one processor reads on the kernel's fast path while another learns it again.
//!
//! A call has two fields here, which have the same value in each call that was ever learnt. The reader reads them one after the other
//! (`kernel/src/calls/fast_path.rs`: the word of the table, and then fields of the call), the writer puts another call in
//! its place (`kernel/src/calls/fast.rs`, `Place::set`).

use crate::explore::{Model, explore};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Broken {
    Nothing,
    /// The call is changed where it is.
    Replacement,
    /// The old one is freed at once.
    Barrier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reader {
    Outside,
    /// It has the address of a call, and perhaps one of its fields.
    Inside(usize, Option<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Writer {
    Learn,
    /// Half of a call was changed.
    Half,
    /// This one was replaced, and has to wait until the reader is outside.
    Wait(usize),
    Free(usize),
    End,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    broken: Broken,
    /// `None` where one was freed.
    calls: [Option<[u8; 2]>; 2],
    place: usize,
    reader: Reader,
    reads: u8,
    writer: Writer,
}

impl World {
    fn new(broken: Broken) -> Self {
        World {
            broken,
            calls: [Some([1, 1]), None],
            place: 0,
            reader: Reader::Outside,
            reads: 0,
            writer: Writer::Learn,
        }
    }

    fn read(&self) -> Result<Option<World>, String> {
        let field = |call: usize, index: usize| {
            self.calls[call].map(|fields| fields[index]).ok_or("reads what was freed")
        };
        let mut next = self.clone();
        next.reader = match self.reader {
            Reader::Outside if self.reads == 2 => return Ok(None),
            Reader::Outside => {
                next.reads += 1;
                Reader::Inside(self.place, None)
            }
            Reader::Inside(call, None) => Reader::Inside(call, Some(field(call, 0)?)),
            Reader::Inside(call, Some(first)) => {
                if first != field(call, 1)? {
                    return Err("half of one call and half of another".into());
                }
                Reader::Outside
            }
        };
        Ok(Some(next))
    }

    fn write(&self) -> Option<World> {
        let mut next = self.clone();
        next.writer = match (self.writer, self.broken) {
            (Writer::Learn, Broken::Replacement) => {
                next.calls[0] = Some([2, 1]);
                Writer::Half
            }
            (Writer::Learn, _) => {
                next.calls[1] = Some([2, 2]);
                next.place = 1;
                Writer::Wait(0)
            }
            (Writer::Half, _) => {
                next.calls[0] = Some([2, 2]);
                Writer::End
            }
            (Writer::Wait(old), Broken::Barrier) => Writer::Free(old),
            (Writer::Wait(old), _) if self.reader == Reader::Outside => Writer::Free(old),
            (Writer::Free(old), _) => {
                next.calls[old] = None;
                Writer::End
            }
            (Writer::Wait(_) | Writer::End, _) => return None,
        };
        Some(next)
    }
}

impl Model for World {
    fn next(&self) -> Result<Vec<Self>, String> {
        Ok(self.read()?.into_iter().chain(self.write()).collect())
    }

    fn is_done(&self) -> bool {
        self.writer == Writer::End && self.reads == 2 && self.reader == Reader::Outside
    }
}

#[test]
fn a_call_is_read_as_it_was_learnt() {
    assert!(explore([World::new(Broken::Nothing)]).unwrap() > 10);
}

#[test]
fn a_call_must_be_replaced_as_a_whole() {
    assert!(explore([World::new(Broken::Replacement)]).is_err());
}

#[test]
fn the_old_call_must_stay_until_nobody_reads_it() {
    assert!(explore([World::new(Broken::Barrier)]).is_err());
}
