//! The frames of this machine: handed out one by one, or in rows for devices and the heap, each on somebody's account.
//!
//! What is taken for a server is charged to the principal of the thread that runs, or to whom [`on_account`] names, within that
//! principal's limit. Everything else is the system's.
#![expect(unsafe_code, reason = "writes to frames that it owns")]

use warren_engine::ledger::Ledger;
use warren_kernel::{
    frames::Frames,
    information::{Information, List, RANGES, Range},
    rows::{Row, Rows},
};

use super::{Exhausted, MEMORY_LIMIT, PAGE, direct};
use crate::{cpu::block, guarded::Guarded};

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
static LEDGER: Guarded<Ledger> = Guarded::new(Ledger::new());
static USABLE: Guarded<List<Range, RANGES>> = Guarded::new(List::new());

/// Takes charge of everything usable except `image` and the modules. Called once, while the boot
/// tables show the first 4 GiB.
pub fn install(information: &Information, image: Range) -> Result<(), Exhausted> {
    let usable = || information.memory.entries().iter().filter(|entry| entry.usable);
    let end = usable().map(|entry| entry.range.end).max().unwrap_or(0).min(MEMORY_LIMIT);
    let words = Frames::words_for(end);
    let place = information.place(words * (8 + 64), image, DEVICE_LIMIT).ok_or(Exhausted)?;
    let bits = direct(place.start) as *mut u64;
    let owners = direct(place.start + words * 8) as *mut u8;
    // SAFETY: nothing else uses the range, it is visible at the direct map, now and for ever, and
    // every bit pattern is a `u64`.
    let bits = unsafe { core::slice::from_raw_parts_mut(bits, words as usize) };
    // SAFETY: as above; the owners lie behind the bits.
    let owners = unsafe { core::slice::from_raw_parts_mut(owners, words as usize * 64) };
    let mut frames = Frames::new(bits, owners);
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

/// Does `work` on a principal's account, and not on that of the thread that runs.
pub fn on_account<R>(principal: usize, work: impl FnOnce() -> R) -> R {
    let payer = &block::current().payer;
    let before = payer.replace(number(principal));
    let result = work();
    payer.set(before);
    result
}

/// On whose account the running thread takes what it takes.
pub fn payer() -> usize {
    block::current().payer.get().into()
}

/// The system's own principal.
const SYSTEM: u8 = 0;

/// Plans have no more principals than a ledger.
fn number(principal: usize) -> u8 {
    u8::try_from(principal).unwrap_or(SYSTEM)
}

/// Sets how many bytes a principal and those below it may hold; 0 for no limit.
pub fn open_account(principal: usize, parent: usize, limit_bytes: u64) {
    let limit = if limit_bytes == 0 { 0 } else { (limit_bytes / PAGE).max(1) };
    LEDGER.with(|ledger| ledger.open(principal, parent, limit));
}

/// Bytes that a principal holds.
pub fn held_by(principal: usize) -> u64 {
    LEDGER.with(|ledger| ledger.held(principal)) * PAGE
}

/// Takes a zeroed frame for a server. The last ones are not for servers: the kernel itself must not run out.
pub fn take_for_server() -> Result<u64, Exhausted> {
    let owner = block::current().payer.get();
    let take = || with(|frames| frames.take(owner));
    let frame = charged(owner, 1, || leaves_reserve(1).then(take).flatten())?;
    clear(frame);
    Ok(frame)
}

/// Takes so many frames on an account, if they are there and its limit allows it.
fn charged(owner: u8, count: u64, take: impl FnOnce() -> Option<u64>) -> Result<u64, Exhausted> {
    if !LEDGER.with(|ledger| ledger.charge(owner.into(), count)) {
        return Err(Exhausted);
    }
    take().ok_or_else(|| {
        LEDGER.with(|ledger| ledger.release(owner.into(), count));
        Exhausted
    })
}

/// Takes `count` zeroed frames in a row below [`DEVICE_LIMIT`] for a server: first of those that devices had before.
pub fn take_row_for_server(count: u64) -> Result<u64, Exhausted> {
    let owner = block::current().payer.get();
    let first = charged(owner, count, || {
        if let Some(row) = DEVICE_ROWS.with(|rows| rows.take(count)) {
            let first = row.first * PAGE;
            hand_over(first, count, owner);
            return Some(first);
        }
        let take = || with(|frames| frames.take_row(count, DEVICE_LIMIT, owner));
        leaves_reserve(count).then(take).flatten()
    })?;
    (0..count).for_each(|index| clear(first + index * PAGE));
    Ok(first)
}

/// Lets frames in a row belong to another.
fn hand_over(first: u64, count: u64, owner: u8) {
    for index in 0..count {
        with(|frames| frames.hand_over(first + index * PAGE, owner));
    }
}

/// Like [`take_row`], but the last frames are not taken.
pub fn take_row_above_reserve(count: u64, limit: u64) -> Result<u64, Exhausted> {
    if leaves_reserve(count) { take_row(count, limit) } else { Err(Exhausted) }
}

/// Whether the last frames are still free when so many are taken.
fn leaves_reserve(count: u64) -> bool {
    free_count().checked_sub(count).is_some_and(|left| left >= RESERVE)
}

/// Gives back frames in a row that a device may still write to.
pub fn give_row(first: u64, count: u64) {
    let owner = with(|frames| frames.hand_over(first, SYSTEM));
    LEDGER.with(|ledger| ledger.release(owner.into(), count));
    hand_over(first, count, SYSTEM);
    DEVICE_ROWS.with(|rows| rows.give(Row { first: first / PAGE, count }));
}

/// Takes a frame, with whatever it contains.
pub fn take() -> Result<u64, Exhausted> {
    with(|frames| frames.take(SYSTEM)).inspect(|_| count_for_system(1)).ok_or(Exhausted)
}

/// Takes a frame full of zeroes.
pub fn take_zeroed() -> Result<u64, Exhausted> {
    let frame = take()?;
    clear(frame);
    Ok(frame)
}

/// Takes `count` zeroed frames in a row that end at or below `limit`.
pub fn take_row(count: u64, limit: u64) -> Result<u64, Exhausted> {
    let first = with(|frames| frames.take_row(count, limit, SYSTEM)).ok_or(Exhausted)?;
    count_for_system(count);
    (0..count).for_each(|index| clear(first + index * PAGE));
    Ok(first)
}

/// What the kernel takes is the system's, which has no limit of its own.
fn count_for_system(count: u64) {
    LEDGER.with(|ledger| ledger.add(SYSTEM.into(), count));
}

/// Gives a frame back that nobody uses or maps any more.
pub fn give(frame: u64) {
    let owner = with(|frames| frames.give(frame));
    LEDGER.with(|ledger| ledger.release(owner.into(), 1));
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
