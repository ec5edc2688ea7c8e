//! The frames of this machine: handed out one by one, or in rows for devices and the heap.
#![expect(unsafe_code, reason = "writes to frames that it owns")]

use warren_kernel::{
    frames::Frames,
    information::{Information, List, RANGES, Range},
    rows::{Row, Rows},
};

use super::{Exhausted, MEMORY_LIMIT, PAGE, direct};
use crate::guarded::Guarded;

/// Addresses that devices with 32 address bits can reach end here.
const DEVICE_LIMIT: u64 = 1 << 32;

/// Physical addresses have this many bits.
pub const ADDRESS_BITS: u32 = 52;

/// Frames that servers cannot have: 8 MiB. They are for what the kernel's heap needs of small things, of which
/// there is a limited number: what a server can make the heap hold without such a limit is reserved by
/// [`super::heap::reserve_for_server`].
const RESERVE: u64 = 2048;

/// Frames that only devices' drivers get.
static DEVICE_ROWS: Guarded<Rows> = Guarded::new(Rows::new());
static FRAMES: Guarded<Option<Frames<'static>>> = Guarded::new(None);
static USABLE: Guarded<List<Range, RANGES>> = Guarded::new(List::new());

/// Takes charge of everything usable except `image` and the modules. Called once, while the boot
/// tables show the first 4 GiB.
pub fn install(information: &Information, image: Range) -> Result<(), Exhausted> {
    let usable = || information.memory.entries().iter().filter(|entry| entry.usable);
    let end = usable().map(|entry| entry.range.end).max().unwrap_or(0).min(MEMORY_LIMIT);
    let bytes = Frames::bytes_for(end);
    let place = information.place(bytes, image, DEVICE_LIMIT).ok_or(Exhausted)?;
    let bits = direct(place.start) as *mut u64;
    // SAFETY: nothing else uses the range, it is visible at the direct map, now and for ever, and
    // every bit pattern is a `u64`.
    let bits = unsafe { core::slice::from_raw_parts_mut(bits, (bytes / 8) as usize) };
    let mut frames = Frames::new(bits);
    for entry in usable() {
        frames.free_range(entry.range);
        USABLE.with(|ranges| ranges.push(entry.range));
    }
    for taken in information.taken(image).chain([place, Range { start: 0, end: 1 << 20 }]) {
        frames.take_range(taken);
    }
    FRAMES.with(|all| *all = Some(frames));
    Ok(())
}

fn with<R>(work: impl FnOnce(&mut Frames<'static>) -> R) -> R {
    FRAMES.with(|frames| work(frames.as_mut().expect("frames are installed at boot")))
}

/// Takes a zeroed frame for a server. The last ones are not for servers: the kernel itself must not run out.
pub fn take_for_server() -> Result<u64, Exhausted> {
    if free_count() > RESERVE { take_zeroed() } else { Err(Exhausted) }
}

/// Takes `count` zeroed frames in a row below [`DEVICE_LIMIT`] for a server: first of those that devices had before.
pub fn take_row_for_server(count: u64) -> Result<u64, Exhausted> {
    if let Some(row) = DEVICE_ROWS.with(|rows| rows.take(count)) {
        let first = row.first * PAGE;
        (0..count).for_each(|index| clear(first + index * PAGE));
        return Ok(first);
    }
    take_row_above_reserve(count, DEVICE_LIMIT)
}

/// Like [`take_row`], but the last frames are not taken.
pub fn take_row_above_reserve(count: u64, limit: u64) -> Result<u64, Exhausted> {
    let left = free_count().checked_sub(count).ok_or(Exhausted)?;
    if left >= RESERVE { take_row(count, limit) } else { Err(Exhausted) }
}

/// Gives back frames in a row that a device may still write to.
pub fn give_row(first: u64, count: u64) {
    DEVICE_ROWS.with(|rows| rows.give(Row { first: first / PAGE, count }));
}

/// Takes a frame, with whatever it contains.
pub fn take() -> Result<u64, Exhausted> {
    with(|frames| frames.take()).ok_or(Exhausted)
}

/// Takes a frame full of zeroes.
pub fn take_zeroed() -> Result<u64, Exhausted> {
    let frame = take()?;
    clear(frame);
    Ok(frame)
}

/// Takes `count` zeroed frames in a row that end at or below `limit`.
pub fn take_row(count: u64, limit: u64) -> Result<u64, Exhausted> {
    let first = with(|frames| frames.take_row(count, limit)).ok_or(Exhausted)?;
    (0..count).for_each(|index| clear(first + index * PAGE));
    Ok(first)
}

/// Gives a frame back that nobody uses or maps any more.
pub fn give(frame: u64) {
    with(|frames| frames.give(frame));
}

/// Whether a range of physical addresses holds no RAM.
pub fn is_device(start: u64, end: u64) -> bool {
    USABLE.with(|usable| !usable.entries().iter().any(|ram| ram.overlaps(Range { start, end })))
}

/// Frames that are free.
pub fn free_count() -> u64 {
    with(|frames| frames.free_count())
}

fn clear(frame: u64) {
    // SAFETY: the frame was just taken, so nobody else uses it, and the direct map shows it.
    unsafe { (direct(frame) as *mut u8).write_bytes(0, PAGE as usize) };
}
