//! Ways for a server to fail that need no help from the system.

use core::hint::black_box;

/// Fails: 0 by a panic, 1 by an index, 2 by endless recursion, 3 by an endless loop. Any other way lives on.
pub fn meet(way: u32) {
    match way {
        0 => panic!("asked to panic"),
        1 => index(black_box(3)),
        2 => {
            black_box(descend(black_box(1)));
        }
        3 => circle(),
        _ => (),
    }
}

fn index(at: usize) {
    let numbers: [u8; 3] = black_box([1, 2, 3]);
    black_box(numbers[at]);
}

/// Uses its stack after the call, so that it is no loop.
#[expect(unconditional_recursion, reason = "that is the fault")]
fn descend(depth: u64) -> u64 {
    let mut room = [depth; 32];
    black_box(&mut room);
    descend(black_box(depth + 1)) + room[(depth % 32) as usize]
}

fn circle() {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}
