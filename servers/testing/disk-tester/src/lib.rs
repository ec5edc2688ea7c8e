//! Tests a disk that holds nothing yet: all that its service promises, by whoever it is provided.
//!
//! One line for each check, `ok NAME` or `FAILED NAME: WHY`, and the number of failures as exit status. The disk is
//! zeroed again at the end, so that the test can be run again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec, vec::Vec};

use warren::{Cx, Req, Required, server};
use warren_idl::{BlockDevice, BlockError, Program};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// What the system file says of the disk.
const BLOCKS: u64 = 300;
const BLOCK_BYTES: usize = 512;
/// Blocks of one call: some of the checks' calls are as large as a call may be.
const MOST: u64 = 100;

/// What the test needs.
#[derive(Required)]
pub struct Needs {
    disk: Req<dyn BlockDevice>,
}

/// The test.
#[server(
    provides(Program),
    locals(Run),
    stack = 16384,
    summary = "tests a disk that may be overwritten"
)]
pub struct DiskTester {}

/// A check and its name.
type Check = (&'static str, fn(&mut Cx<'_, Run>) -> Result<(), Failure>);

const CHECKS: &[Check] = &[
    ("it is as large as the system file says", size),
    ("a new disk is zeroed", |cx| expect(cx, |_| 0)),
    ("what is written is read", written_is_read),
    ("pieces of any length are read", pieces),
    ("a block's neighbours stay as they are", neighbours),
    ("the last block is the last", last_block),
    ("a range beyond the disk is refused", out_of_range),
    ("parts of blocks are refused", bad_length),
    ("a call that is refused changes nothing", |cx| expect(cx, pattern)),
    ("it is written when a flush returns", |cx| Ok(cx.req().disk.flush(cx)?)),
];

program!(DiskTester requires Needs, Run, Checking);

/// How far the checks are.
struct Checking {
    next: usize,
    failed: u8,
}

impl Work<Run> for Checking {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Checking { next: 0, failed: 0 })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let Some((name, check)) = CHECKS.get(self.next) else {
            return match fill(cx, |_| 0) {
                Ok(()) => Ok(Flow::End(self.failed)),
                Err(error) => handed.fail(cx, "disk", error),
            };
        };
        self.next += 1;
        let line = match check(cx) {
            Ok(()) => format!("ok {name}\n"),
            Err(Failure(why)) => {
                self.failed += 1;
                format!("FAILED {name}: {why}\n")
            }
        };
        output.extend(line.bytes());
        Ok(Flow::More)
    }
}

/// Why a check failed.
struct Failure(String);

impl From<BlockError> for Failure {
    fn from(error: BlockError) -> Self {
        Failure(format!("{error}"))
    }
}

fn equal<T: PartialEq + core::fmt::Debug>(what: &str, found: T, right: T) -> Result<(), Failure> {
    match found == right {
        true => Ok(()),
        false => Err(Failure(format!("{what} is {found:?}, not {right:?}"))),
    }
}

/// A byte for each block, no two neighbours the same.
fn pattern(block: u64) -> u8 {
    (block * 7 + 1) as u8
}

/// Blocks from `first` on that hold a byte each.
fn blocks(first: u64, count: u64, byte: fn(u64) -> u8) -> Vec<u8> {
    (first..first + count).flat_map(|block| [byte(block); BLOCK_BYTES]).collect()
}

/// Writes all blocks.
fn fill(cx: &mut Cx<'_, Run>, byte: fn(u64) -> u8) -> Result<(), BlockError> {
    for first in (0..BLOCKS).step_by(MOST as usize) {
        cx.req().disk.write(cx, first, &blocks(first, MOST, byte))?;
    }
    Ok(())
}

/// All blocks hold this.
fn expect(cx: &mut Cx<'_, Run>, byte: fn(u64) -> u8) -> Result<(), Failure> {
    let mut buffer = vec![0xee; MOST as usize * BLOCK_BYTES];
    for first in (0..BLOCKS).step_by(MOST as usize) {
        cx.req().disk.read(cx, first, &mut buffer)?;
        let right = blocks(first, MOST, byte);
        let wrong = buffer.iter().zip(&right).position(|(found, right)| found != right);
        equal("the first wrong byte", wrong, None)?;
    }
    Ok(())
}

fn size(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let disk = &cx.req().disk;
    equal("a block", disk.block_bytes(cx)?, BLOCK_BYTES as u32)?;
    equal("the number of blocks", disk.blocks(cx)?, BLOCKS)
}

fn written_is_read(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    fill(cx, pattern)?;
    expect(cx, pattern)
}

fn pieces(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let mut first = 0;
    for count in 0..24 {
        let mut buffer = vec![0xee; count as usize * BLOCK_BYTES];
        cx.req().disk.read(cx, first, &mut buffer)?;
        equal("a piece", buffer == blocks(first, count, pattern), true)?;
        first += count;
    }
    Ok(())
}

fn neighbours(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let disk = &cx.req().disk;
    disk.write(cx, 41, &[0xaa; 2 * BLOCK_BYTES])?;
    let mut buffer = [0; 4 * BLOCK_BYTES];
    disk.read(cx, 40, &mut buffer)?;
    let right = |block| if block == 41 || block == 42 { 0xaa } else { pattern(block) };
    equal("four blocks", buffer.as_slice() == blocks(40, 4, right), true)?;
    disk.write(cx, 41, &blocks(41, 2, pattern))?;
    expect(cx, pattern)
}

fn last_block(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let disk = &cx.req().disk;
    let mut buffer = [0; BLOCK_BYTES];
    disk.read(cx, BLOCKS - 1, &mut buffer)?;
    equal("it", buffer, [pattern(BLOCKS - 1); BLOCK_BYTES])?;
    disk.write(cx, BLOCKS - 1, &buffer)?;
    equal("no block behind it", disk.read(cx, BLOCKS, &mut []), Ok(()))
}

fn out_of_range(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let disk = &cx.req().disk;
    let beyond = Err(BlockError::OutOfRange);
    // The product with the length of a block is 0 in 64 bits, or less than the disk.
    let wrapped = [1 << 55, (1 << 55) + 1];
    for first in [BLOCKS - 1, BLOCKS, u64::MAX, u64::MAX / 512].into_iter().chain(wrapped) {
        equal("reading", disk.read(cx, first, &mut [0; 2 * BLOCK_BYTES]), beyond)?;
        equal("writing", disk.write(cx, first, &[0xaa; 2 * BLOCK_BYTES]), beyond)?;
    }
    for first in [BLOCKS + 1, u64::MAX] {
        equal("reading nothing", disk.read(cx, first, &mut []), beyond)?;
    }
    Ok(())
}

fn bad_length(cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let disk = &cx.req().disk;
    for first in [0, BLOCKS, u64::MAX] {
        let mut buffer = [0; BLOCK_BYTES + 1];
        let bad = Err(BlockError::BadLength);
        equal("reading more", disk.read(cx, first, &mut buffer), bad)?;
        equal("writing less", disk.write(cx, first, &[0xaa; BLOCK_BYTES - 1]), bad)?;
    }
    Ok(())
}
