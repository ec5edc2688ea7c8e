//! Ways to panic.

use alloc::vec::Vec;
use core::hint::black_box;

use warren::Cx;
use warren_idl::EchoError;

use crate::{FragileServer, Fuse, Thing};

/// Fails in a way, as the service says it.
pub fn meet(cx: &mut Cx<'_, FragileServer>, way: u32) -> Result<(), EchoError> {
    match way {
        0 => panic!("asked to panic"),
        1 => at(black_box(3)),
        2 => divided_by(black_box(0)),
        3 => cx.scope(|cx| panic!("a panic in a scope, with {} alive", cx.counts.alive.get())),
        4 => cx.unlocked(|_| panic!("a panic without the lock")),
        5 => above_stack_words(cx),
        6 => through_a_table(cx),
        7 => explode(cx),
        8 => in_the_library(),
        100 => explode_twice(),
        101 => take_all_memory(),
        102 => {
            black_box(deeper(black_box(1)));
        }
        _ => return Err(EchoError::Refused),
    }
    Ok(())
}

fn at(index: usize) {
    let numbers: [u8; 3] = black_box([1, 2, 3]);
    black_box(numbers[index]);
}

fn divided_by(divisor: u32) {
    black_box(7 / divisor);
}

/// Holds a thing around a call that passes words on the stack.
fn above_stack_words(cx: &mut Cx<'_, FragileServer>) {
    let thing = Thing::new(&cx.counts);
    let [a, b, c, d, e, f, g, h, i] = black_box([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    black_box(nine(a, b, c, d, e, f, g, h, i));
    drop(thing);
}

#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "more words than registers is what is tested")]
fn nine(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64) -> u64 {
    let sum = a + b + c + d + e + f + g + h + i;
    assert!(sum != 45, "a panic below nine words");
    sum
}

/// Something that can be called through a table.
trait Act {
    fn act(&self);
}

impl Act for Thing {
    fn act(&self) {
        panic!("a panic through a table, with {} alive", self.counts.alive.get());
    }
}

fn through_a_table(cx: &mut Cx<'_, FragileServer>) {
    let thing = Thing::new(&cx.counts);
    let act: &dyn Act = black_box(&thing);
    act.act();
}

/// A destructor panics; the one of the thing that was made before runs because of that.
fn explode(cx: &mut Cx<'_, FragileServer>) {
    let _thing = Thing::new(&cx.counts);
    drop(Fuse);
}

fn in_the_library() {
    let text: &str = black_box("ä");
    black_box(text.split_at(black_box(1)));
}

fn explode_twice() {
    let _fuse = Fuse;
    panic!("a panic with a destructor that panics");
}

fn take_all_memory() {
    let mut all = Vec::new();
    loop {
        all.push(black_box(Vec::<u8>::with_capacity(1 << 20)));
    }
}

/// Uses its stack after the call, so that it is no loop.
#[expect(unconditional_recursion, reason = "that is the fault")]
fn deeper(depth: u64) -> u64 {
    let mut room = [depth; 32];
    black_box(&mut room);
    deeper(black_box(depth + 1)) + room[(depth % 32) as usize]
}
