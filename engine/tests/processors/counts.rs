//! Counts of references, on three processors: two make calls on the kernel's fast path, on behalf of an instance whose last reference
//! to the callee is given up by the third meanwhile.
//!
//! | step here | in the kernel |
//! | --- | --- |
//! | `Check` | `cmp word ptr [held], 0` |
//! | `CountUp` | `inc dword ptr [object.count]` in `frame_made` |
//! | `Callee` | the callee runs |
//! | `CountDown` | `dec` in `callee_left`, with interrupts off again |
//! | `CountBack` | `inc` where that was the last count (`slow_ends`) |
//! | `Last` | `drop_object` |
//! | `Pop`, `Destroy` | `next_dying` |

use crate::explore::{Model, explore};

/// Rules that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Broken {
    Nothing,
    /// What is to die is not kept until every processor has left its fast path.
    Barrier,
    /// The count is not looked at after that.
    Look,
    /// It is looked at once only: a last count may be on its way back.
    SecondLook,
    /// Two processors may count at the same time, and one of the two counts is lost.
    LockPrefix,
    /// Who has taken the last count away leaves it so while it waits for the kernel's lock.
    CountBack,
}

/// What a caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Caller {
    Start,
    /// In the fast path, from here on.
    Check,
    CountUp,
    /// It has read the count and will write one more. Only without the prefix.
    Counting(u32),
    /// Out of it.
    Callee,
    /// In it again.
    CountDown,
    Uncounting(u32),
    CountBack,
    /// Waits for the kernel's lock, and answers meanwhile. Out of the fast path.
    Last,
    End,
}

/// What whoever has given something up does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Releaser {
    /// Gives the reference up, in the table of counts and in the object.
    Release,
    End,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    broken: Broken,
    /// The caller's count in its table.
    held: u32,
    count: u32,
    is_listed: bool,
    /// Somebody has taken it from the list, has the kernel's lock, and waits for these processors.
    awaited: Option<[bool; 2]>,
    /// It does so for the second time, after it has found no count.
    looks_again: bool,
    is_destroyed: bool,
    callers: [Caller; 2],
    releaser: Releaser,
}

impl World {
    fn new(broken: Broken) -> Self {
        World {
            broken,
            held: 1,
            count: 1,
            is_listed: false,
            awaited: None,
            looks_again: false,
            is_destroyed: false,
            callers: [Caller::Start; 2],
            releaser: Releaser::Release,
        }
    }

    fn is_in_fast_path(&self, caller: usize) -> bool {
        matches!(
            self.callers[caller],
            Caller::Check
                | Caller::CountUp
                | Caller::Counting(_)
                | Caller::CountDown
                | Caller::Uncounting(_)
                | Caller::CountBack
        )
    }

    fn count_down(&mut self) {
        self.count -= 1;
        self.is_listed |= self.count == 0;
    }

    /// A caller does one thing more; `None` if it waits.
    fn call(&self, caller: usize) -> Result<Option<World>, String> {
        let mut next = self.clone();
        let at = &mut next.callers[caller];
        match *at {
            Caller::Start => *at = Caller::Check,
            Caller::Check => *at = if self.held == 0 { Caller::End } else { Caller::CountUp },
            Caller::CountUp if self.broken == Broken::LockPrefix => {
                *at = Caller::Counting(self.count);
            }
            Caller::CountUp => {
                *at = Caller::Callee;
                next.count += 1;
            }
            Caller::Counting(count) => {
                *at = Caller::Callee;
                next.count = count + 1;
            }
            Caller::Callee if self.is_destroyed => return Err("calls what is destroyed".into()),
            Caller::Callee => *at = Caller::CountDown,
            Caller::CountDown if self.broken == Broken::LockPrefix => {
                *at = Caller::Uncounting(self.count);
            }
            Caller::CountDown | Caller::Uncounting(_) => {
                if let Caller::Uncounting(count) = *at {
                    next.count = count;
                }
                let left = next.count.checked_sub(1).ok_or("counts below nothing")?;
                *at = if left == 0 { Caller::CountBack } else { Caller::End };
                next.count = left;
            }
            Caller::CountBack => {
                *at = Caller::Last;
                next.count += u32::from(self.broken != Broken::CountBack);
            }
            Caller::Last if self.awaited.is_some() => return Ok(None),
            Caller::Last => {
                *at = Caller::End;
                next.count += u32::from(self.broken == Broken::CountBack);
                next.count_down();
            }
            Caller::End => return Ok(None),
        }
        Ok(Some(next))
    }

    /// Whoever finishes what is dying takes it from the list.
    fn pop(&self) -> Option<World> {
        let free = self.awaited.is_none() && self.is_listed;
        free.then(|| {
            let awaited = Some([self.broken != Broken::Barrier; 2]);
            World { is_listed: false, awaited, ..self.clone() }
        })
    }

    /// A processor that is outside of the fast path answers.
    fn answer(&self, caller: usize) -> Option<World> {
        let mut awaited = self.awaited?;
        let answers = awaited[caller] && !self.is_in_fast_path(caller);
        awaited[caller] = false;
        answers.then(|| World { awaited: Some(awaited), ..self.clone() })
    }

    /// All have answered.
    fn destroy(&self) -> Result<Option<World>, String> {
        if self.awaited != Some([false; 2]) {
            return Ok(None);
        }
        let lives = self.count != 0 && self.broken != Broken::Look;
        if !lives && !self.looks_again && self.broken != Broken::SecondLook {
            let awaited = Some([self.broken != Broken::Barrier; 2]);
            return Ok(Some(World { awaited, looks_again: true, ..self.clone() }));
        }
        if !lives && self.is_destroyed {
            return Err("destroyed twice".into());
        }
        let is_destroyed = self.is_destroyed || !lives;
        Ok(Some(World { awaited: None, looks_again: false, is_destroyed, ..self.clone() }))
    }
}

impl Model for World {
    fn next(&self) -> Result<Vec<Self>, String> {
        let mut all = Vec::new();
        for caller in 0..2 {
            all.extend(self.call(caller)?);
            all.extend(self.answer(caller));
        }
        if self.releaser == Releaser::Release && self.awaited.is_none() {
            let mut next = World { releaser: Releaser::End, held: 0, ..self.clone() };
            next.count_down();
            all.push(next);
        }
        all.extend(self.pop());
        all.extend(self.destroy()?);
        Ok(all)
    }

    fn is_done(&self) -> bool {
        let ended = self.callers == [Caller::End; 2] && self.releaser == Releaser::End;
        ended && self.is_destroyed && self.count == 0
    }
}

#[test]
fn what_is_called_is_not_destroyed_and_what_is_not_is_destroyed_once() {
    assert!(explore([World::new(Broken::Nothing)]).unwrap() > 100);
}

#[test]
fn every_processor_must_have_left_its_fast_path() {
    assert!(explore([World::new(Broken::Barrier)]).is_err());
}

#[test]
fn the_count_must_be_looked_at_again() {
    assert!(explore([World::new(Broken::Look)]).is_err());
}

#[test]
fn the_count_must_be_looked_at_twice() {
    assert!(explore([World::new(Broken::SecondLook)]).is_err());
}

#[test]
fn a_last_count_must_not_be_gone_before_the_kernel_is_locked() {
    assert!(explore([World::new(Broken::CountBack)]).is_err());
}

#[test]
fn processors_must_not_count_at_the_same_time() {
    assert!(explore([World::new(Broken::LockPrefix)]).is_err());
}
