//! Reads a disk by many threads at once, and compares with what one thread has read before.
//!
//! More threads read than a driver has room for requests, each in an order of its own, so that requests
//! wait for each other, end in any order, and meet in the interrupt. The exit status is the number of
//! reads that brought something else than the first ones, or that failed.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{rc::Rc, string::String, vec, vec::Vec};

use warren::{Cx, Req, Required, local, server};
use warren_idl::{BlockDevice, BlockError, Program, Task, ThreadError, ThreadFactory};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// Threads that read at once.
const READERS: u64 = 12;
/// Pieces of the disk that are read, as far from each other as the disk is long.
const PIECES: u64 = 64;
/// Blocks of a piece.
const PIECE_BLOCKS: u64 = 8;
/// No common divisor with [`PIECES`], so that steps of this length meet each piece.
const STEP: u64 = 27;

/// What the test needs.
#[derive(Required)]
pub struct Needs {
    disk: Req<dyn BlockDevice>,
    threads: Req<dyn ThreadFactory>,
}

/// The test.
#[server(
    provides(Program),
    locals(Run, Reader),
    stack = 16384,
    summary = "reads a disk by many threads at once"
)]
pub struct DiskReader {}

/// One thread of the test.
#[local(provides = Task, parent = Run)]
pub struct Reader {
    number: u64,
    /// What one thread has read of each piece.
    sums: Rc<[u64]>,
}

program!(DiskReader requires Needs, Run, Comparison);

/// Starts the threads and waits for them.
struct Comparison;

impl Work<Run> for Comparison {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Comparison)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        _: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match read_by_all(cx) {
            Ok(wrong) => Ok(Flow::End(u8::try_from(wrong).unwrap_or(u8::MAX))),
            Err(error) => handed.fail(cx, "readers", error),
        }
    }
}

/// How many reads of all threads were wrong.
fn read_by_all(cx: &mut Cx<'_, Run>) -> Result<u64, ThreadError> {
    let sums = (0..PIECES).map(|piece| read(cx, piece)).collect::<Result<Rc<[u64]>, _>>();
    let sums = sums.map_err(|_| ThreadError::Failed)?;
    let mut threads = Vec::new();
    for number in 0..READERS {
        let reader = cx.spawn(Reader { number, sums: sums.clone() })?;
        threads.push(cx.req().threads.start(cx, "disk-reader", reader)?);
    }
    let mut wrong = 0;
    for thread in threads {
        wrong += thread.join(cx)?;
    }
    Ok(wrong)
}

impl Task for Reader {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let mut wrong = 0;
        for at in 0..PIECES {
            let piece = (cx.number + at * STEP) % PIECES;
            let sum = read(cx, piece);
            let expected = cx.sums[piece as usize];
            wrong += u64::from(sum != Ok(expected));
        }
        Ok(wrong)
    }
}

/// Reads a piece, and makes a number of what it holds (FNV-1a).
fn read<S: warren::Object<Root = DiskReader>>(
    cx: &mut Cx<'_, S>,
    piece: u64,
) -> Result<u64, BlockError> {
    let disk = &cx.req().disk;
    let bytes = u64::from(disk.block_bytes(cx)?) * PIECE_BLOCKS;
    let distance = disk.blocks(cx)? / PIECES;
    let mut buffer = vec![0; bytes as usize];
    disk.read(cx, piece * distance, &mut buffer)?;
    let mix = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    Ok(buffer.iter().fold(0xcbf2_9ce4_8422_2325, mix))
}
