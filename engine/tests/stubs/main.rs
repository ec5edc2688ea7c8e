//! Stubs, decoded by an independent disassembler and followed on every path.
//!
//! What holds for each: only instructions that exist and that any program may execute; jumps stay inside; calls
//! go to the callee's entry or to the engine's functions; the stack is balanced, the frame is
//! filled before the callee runs and gone afterwards, locks are taken after they were seen to be free, none is
//! written but the caller's of an atomic call, arguments arrive, saved registers and results come back; no atomic instruction. [`machine`] and [`state`] check all that; the tests here judge what is left.

use std::{collections::BTreeSet, mem::offset_of};

use iced_x86::{
    Decoder, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
};
use machine::Machine;
use state::{Lock, Word};
use warren_engine::{
    layout::Cpu,
    stub::{self, SYSTEM_CALL_STACK, Shape, SlowPaths},
};

mod machine;
mod state;

const RESULTS: [Word; 2] = [Word::Result(0), Word::Result(1)];
/// What a call returns that was not made: an error, and beside it the caller's own argument.
const REFUSED: [Word; 2] = [Word::Result(0), Word::Entered(Register::RDX)];

fn shapes() -> impl Iterator<Item = Shape> {
    [false, true].into_iter().flat_map(|wide| {
        let all = [(false, false), (false, true), (true, false), (true, true)];
        all.into_iter().map(move |(atomic, reference)| Shape { atomic, reference, wide })
    })
}

/// Examines the stub of a call.
fn check_call(code: &[u8], index: u16, shape: Shape) {
    let seen = Machine::run(code, shape.wide, shape.atomic);
    assert!(!seen.entries.is_empty() && seen.system_calls.is_empty());
    assert!(seen.entries.iter().all(|at| *at == 8 * u64::from(index)), "{seen:?}");
    assert!(seen.results.contains(&RESULTS));
    let known = |results: &[Word; 2]| *results == RESULTS || *results == REFUSED;
    assert!(seen.results.iter().all(known), "{seen:?}");
    assert_eq!(Vec::from_iter(seen.held), locks(shape));
    let mut slow: Vec<usize> = seen.slow.into_values().collect();
    slow.sort_unstable();
    assert_eq!(slow, slow_paths(shape));
}

/// Which locks the thread may hold while it is in the callee.
fn locks(shape: Shape) -> Vec<Vec<Lock>> {
    match shape.atomic {
        false => vec![vec![Lock::Callee]],
        true => vec![vec![Lock::Caller, Lock::Callee]],
    }
}

/// Where a call leaves the fast path: for each lock that may be taken, and at the end.
fn slow_paths(shape: Shape) -> Vec<usize> {
    let mut paths = match shape.atomic {
        false => vec![offset_of!(SlowPaths, enter), offset_of!(SlowPaths, come_back)],
        true => vec![offset_of!(SlowPaths, enter_atomic), offset_of!(SlowPaths, leave_atomic)],
    };
    paths.push(match shape.reference {
        false => offset_of!(SlowPaths, drop_temporaries),
        true => offset_of!(SlowPaths, hand_over),
    });
    paths.sort_unstable();
    paths.iter().map(|path| offset_of!(Cpu, slow) + path).collect()
}

#[test]
fn a_call_does_all_that_a_call_must_on_every_path() {
    for shape in shapes() {
        for index in [0, 1, 7, 255, 4095] {
            check_call(&stub::call_stub(index, shape), index, shape);
        }
    }
}

#[test]
fn a_system_call_has_its_number_and_keeps_what_the_caller_keeps() {
    for number in [stub::FIRST_FUNCTION, stub::FIRST_CALL, stub::FIRST_CALL + 4000] {
        let seen = Machine::run(&stub::system_call_stub(number), false, false);
        assert_eq!(seen.system_calls, [u64::from(number)]);
        assert_eq!(seen.results, [RESULTS]);
        assert!(seen.entries.is_empty() && seen.slow.is_empty());
    }
}

#[test]
fn stack_words_lie_where_the_kernel_looks_for_them() {
    let code = stub::system_call_stub(stub::FIRST_CALL);
    let pushed = Decoder::new(64, &code, 0)
        .into_iter()
        .take_while(|instruction| instruction.mnemonic() != Mnemonic::Syscall)
        .filter(|instruction| instruction.mnemonic() == Mnemonic::Push)
        .count() as u64;
    assert_eq!(SYSTEM_CALL_STACK, 8 * (pushed + 1));
}

/// Whoever is interrupted in the middle of taking a lock, or of letting go of one, begins that again.
#[test]
fn locks_are_taken_in_one_piece() {
    for shape in shapes() {
        let code = stub::call_stub(7, shape);
        let pieces = pieces(&code, shape);
        // An atomic call ends with the store by which its caller's lock reads as free.
        let ends: &[fn(&Instruction) -> bool] = match shape.atomic {
            false => &[moves_frame, moves_frame],
            true => &[moves_frame, moves_frame, stores],
        };
        assert_eq!(pieces.len(), ends.len(), "{shape:?}");
        for (piece, end) in pieces.iter().zip(ends) {
            check_piece(piece, *end);
        }
        let inside = |at| pieces.iter().flatten().any(|one| one.ip() == at);
        let in_pieces = |one: &Instruction| inside(one.ip());
        let all = decoded(&code);
        let of_locks =
            all.iter().filter(|one| reads(one, offset_of!(Cpu, free)) || moves_frame(one));
        assert_eq!(of_locks.filter(|one| in_pieces(one)).count(), 4, "{shape:?}");
        // The ways out of a piece, to where there is no lock, belong to it.
        let asks = |one: &&Instruction| reads(one, offset_of!(Cpu, no_lock));
        let asked: Vec<u64> = all.iter().filter(asks).map(Instruction::ip).collect();
        let goes_on = |at: u64| stub::restart(BASE + at, Some((at, shape))) - BASE;
        let outside = asked.iter().filter(|at| goes_on(**at) == **at).count();
        assert_eq!((asked.len(), outside), if shape.atomic { (3, 1) } else { (2, 0) }, "{shape:?}");
    }
}

/// Where stubs lie here.
const BASE: u64 = 0x1000_0000;

fn decoded(code: &[u8]) -> Vec<Instruction> {
    let end = code.iter().rposition(|byte| *byte != 0xcc).unwrap() + 1;
    Decoder::new(64, &code[..end], 0).into_iter().collect()
}

/// Whether an instruction reads a field of the block.
fn reads(instruction: &Instruction, field: usize) -> bool {
    instruction.memory_segment() == Register::GS
        && instruction.memory_displacement64() as usize == field
}

/// Whether it makes another frame the newest.
fn moves_frame(instruction: &Instruction) -> bool {
    let moves = matches!(instruction.mnemonic(), Mnemonic::Add | Mnemonic::Sub);
    moves && reads(instruction, offset_of!(Cpu, frame))
}

/// Whether it stores to a lock.
fn stores(instruction: &Instruction) -> bool {
    let to_memory = instruction.op0_kind() == OpKind::Memory;
    instruction.mnemonic() == Mnemonic::Mov && to_memory && instruction.memory_displacement64() == 0
}

/// What of a stub is executed in one piece: instructions that follow one another, and go back to the first of them.
fn pieces(code: &[u8], shape: Shape) -> Vec<Vec<Instruction>> {
    let mut pieces: Vec<Vec<Instruction>> = Vec::new();
    for instruction in decoded(code) {
        let at = instruction.ip();
        let goes_on = stub::restart(BASE + at, Some((at, shape))) - BASE;
        let is_next = |piece: &&mut Vec<Instruction>| {
            piece[0].ip() == goes_on && piece.last().is_some_and(|last| last.next_ip() == at)
        };
        match pieces.last_mut().filter(is_next) {
            Some(piece) if goes_on != at => piece.push(instruction),
            _ => pieces.push(vec![instruction]),
        }
    }
    pieces.retain(|piece| piece.len() > 1);
    pieces
}

/// It ends as it should, and what begins again has lost nothing that it needs.
fn check_piece(piece: &[Instruction], end: fn(&Instruction) -> bool) {
    let (last, before) = piece.split_last().expect("a piece has instructions");
    assert!(end(last), "{last:?}");
    assert!(!before.iter().any(moves_frame), "{piece:?}");
    let mut info = InstructionInfoFactory::new();
    let (mut read, mut written) = (BTreeSet::new(), BTreeSet::new());
    for instruction in piece {
        for used in info.info(instruction).used_registers() {
            let register = used.register().full_register();
            if used.access() == OpAccess::Write {
                written.insert(register);
            } else if !written.contains(&register) {
                read.insert(register);
            }
        }
    }
    assert!(read.is_disjoint(&written), "{read:?} {written:?}: {piece:?}");
}

/// The checks find what they are there for: each instruction in turn is replaced by some that do nothing.
#[test]
fn a_stub_that_lacks_an_instruction_is_refused() {
    for shape in shapes() {
        let whole = stub::call_stub(0, shape);
        let end = whole.iter().rposition(|byte| *byte != 0xcc).unwrap() + 1;
        let mut needless: Vec<Mnemonic> = Vec::new();
        for instruction in Decoder::new(64, &whole[..end], 0) {
            let mut code = whole.clone();
            code[instruction.ip() as usize..][..instruction.len()].fill(0x90);
            if std::panic::catch_unwind(|| check_call(&code, 0, shape)).is_ok() {
                needless.push(instruction.mnemonic());
            }
        }
        // The rounding of a stack that is aligned already if the caller keeps to the ABI.
        needless.retain(|mnemonic| *mnemonic != Mnemonic::And);
        assert_eq!(needless, beyond(shape), "{shape:?}");
    }
}

/// Instructions that a stub could do without, besides.
fn beyond(shape: Shape) -> Vec<Mnemonic> {
    // Who enters or comes back to a server without a lock may leave that to the engine.
    let takes = 1 + usize::from(!shape.atomic);
    let mut needless = vec![Mnemonic::Je; takes];
    if !shape.atomic && !shape.wide {
        // The return from a refused call looks for its frame, which it does not need.
        needless.insert(1, Mnemonic::Add);
    }
    needless
}
