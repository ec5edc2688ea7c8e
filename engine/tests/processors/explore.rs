//! Every order in which things can happen, one after the other.
//!
//! Memory is as each CPU's own program order says. Processors of this kind let a load pass an earlier store to elsewhere besides; no
//! protocol here relies on that order without an interrupt between the two, which makes all earlier stores seen.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
};

/// What there is at one moment, and what can happen next.
pub trait Model: Hash + Sized {
    /// All that can happen next; an error if that must not happen.
    fn next(&self) -> Result<Vec<Self>, String>;

    /// Whether all is done.
    fn is_done(&self) -> bool;
}

/// Follows everything that can happen. Returns the number of different moments, or what went wrong: something happened that must
/// not, or a moment was reached from which the end cannot be.
pub fn explore<M: Model>(starts: impl IntoIterator<Item = M>) -> Result<usize, String> {
    let mut known: HashMap<u128, usize> = HashMap::new();
    let mut before: Vec<Vec<usize>> = Vec::new();
    let mut done: Vec<usize> = Vec::new();
    let mut open: Vec<(usize, M)> = Vec::new();
    for start in starts {
        let number = before.len();
        if known.insert(name(&start), number).is_none() {
            before.push(Vec::new());
            open.push((number, start));
        }
    }
    while let Some((number, model)) = open.pop() {
        if model.is_done() {
            done.push(number);
        }
        for next in model.next()? {
            let other = *known.entry(name(&next)).or_insert(before.len());
            if other == before.len() {
                before.push(Vec::new());
                open.push((other, next));
            }
            before[other].push(number);
        }
    }
    let mut reaches_end = vec![false; before.len()];
    while let Some(number) = done.pop() {
        if !std::mem::replace(&mut reaches_end[number], true) {
            done.extend(&before[number]);
        }
    }
    let stuck = reaches_end.iter().filter(|reaches| !**reaches).count();
    if stuck != 0 {
        return Err(format!("from {stuck} of {} moments the end is never reached", before.len()));
    }
    Ok(before.len())
}

/// Two moments with the same name are the same, but for a chance that is as good as none.
fn name<M: Model>(model: &M) -> u128 {
    let mut name = Name(0);
    model.hash(&mut name);
    name.0
}

/// A hash of 128 bits: moments are many, and the usual one takes most of the time.
struct Name(u128);

impl Hasher for Name {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, word: u64) {
        // An odd number with as many bits set as not, so that each bit of the word moves many of the name.
        const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        let mixed = (self.0 ^ u128::from(word)).wrapping_mul(FACTOR);
        self.0 = mixed ^ (mixed >> 67);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0 as u64
    }
}
