//! Stubs, decoded by an independent disassembler and followed on every path.
//!
//! What holds for each: only instructions that exist and that any program may execute; jumps stay inside; calls
//! go to the callee's entry or to the engine's functions; the stack is balanced, the frame is
//! filled before the callee runs and gone afterwards, locks are taken after they were seen to be free and given
//! back, arguments arrive, saved registers and results come back; no atomic instruction. [`machine`] and [`state`] check all that; the tests here judge what is left.

use std::mem::offset_of;

use iced_x86::{Decoder, Instruction, Mnemonic, Register};
use machine::Machine;
use state::{Lock, Word};
use warren_engine::{
    layout::Cpu,
    stub::{self, SYSTEM_CALL_STACK, Shape, SlowPaths},
};

mod machine;
mod state;

const RESULTS: [Word; 2] = [Word::Result(0), Word::Result(1)];
/// What an atomic call returns that was not made: an error, and beside it the caller's own argument.
const REFUSED: [Word; 2] = [Word::Result(0), Word::Entered(Register::RDX)];

fn shapes() -> impl Iterator<Item = Shape> {
    [false, true].into_iter().flat_map(|wide| {
        let all = [(false, false), (false, true), (true, false), (true, true)];
        all.into_iter().map(move |(atomic, reference)| Shape { atomic, reference, wide })
    })
}

/// Examines the stub of a call.
fn check_call(code: &[u8], index: u16, shape: Shape) {
    let seen = Machine::run(code, shape.wide);
    assert!(!seen.entries.is_empty() && seen.system_calls.is_empty());
    assert!(seen.entries.iter().all(|at| *at == 8 * u64::from(index)), "{seen:?}");
    assert!(seen.results.contains(&RESULTS));
    let known = |results: &[Word; 2]| *results == RESULTS || shape.atomic && *results == REFUSED;
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
        false => vec![offset_of!(SlowPaths, wait); 2],
        true => vec![offset_of!(SlowPaths, wait_atomic)],
    };
    paths.push(match shape.reference {
        false => offset_of!(SlowPaths, drop_temporaries),
        true => offset_of!(SlowPaths, hand_over),
    });
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
        let seen = Machine::run(&stub::system_call_stub(number), false);
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

/// Whoever is interrupted in the middle of taking a lock begins again with the load of what a free lock's word is: the thread may
/// go on elsewhere, where that is another.
#[test]
fn locks_are_taken_in_one_piece() {
    for shape in shapes() {
        let code = stub::call_stub(7, shape);
        let pieces = pieces(&code, shape);
        let takes = if shape.atomic { 1 } else { 2 };
        assert_eq!(pieces.len(), takes, "{shape:?}");
        for piece in pieces {
            check_piece(&piece);
        }
        let free = |instruction: &Instruction| is_load_of_free(instruction);
        let loads = decoded(&code).iter().filter(|one| free(one)).count();
        let frees = if shape.atomic { 1 } else { 2 };
        assert_eq!(loads, takes + frees, "{shape:?}");
    }
}

fn decoded(code: &[u8]) -> Vec<Instruction> {
    let end = code.iter().rposition(|byte| *byte != 0xcc).unwrap() + 1;
    Decoder::new(64, &code[..end], 0).into_iter().collect()
}

fn is_load_of_free(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Mov
        && instruction.memory_segment() == Register::GS
        && instruction.memory_displacement64() as usize == offset_of!(Cpu, free)
}

/// What of a stub is executed in one piece: instructions that go back to the same one, and that one first.
fn pieces(code: &[u8], shape: Shape) -> Vec<Vec<Instruction>> {
    let base = 0x1000_0000;
    let all = decoded(code);
    let mut pieces: Vec<Vec<Instruction>> = Vec::new();
    for instruction in &all {
        let at = instruction.ip();
        let goes_on = stub::restart(base + at, Some((at, shape))) - base;
        if goes_on == at {
            continue;
        }
        match pieces.last_mut().filter(|piece| piece[0].ip() == goes_on) {
            Some(piece) => piece.push(*instruction),
            None => {
                let first = all.iter().find(|first| first.ip() == goes_on);
                pieces.push(vec![*first.expect("goes on at an instruction"), *instruction]);
            }
        }
    }
    pieces
}

/// Load, compare, branch, store, and nothing else.
fn check_piece(piece: &[Instruction]) {
    let [load, compare, branch, store] = piece else { panic!("{piece:?}") };
    assert!(is_load_of_free(load), "{load:?}");
    let lock = compare.memory_base();
    assert_eq!((compare.mnemonic(), compare.op1_register()), (Mnemonic::Cmp, load.op0_register()));
    assert_eq!(branch.mnemonic(), Mnemonic::Jne);
    let leaves = branch.near_branch_target();
    assert!(!(load.ip()..=store.ip()).contains(&leaves), "{branch:?}");
    assert_eq!((store.mnemonic(), store.memory_base()), (Mnemonic::Mov, lock));
    assert_eq!(store.memory_displacement64(), 0);
    // Each follows the one before it, so that nothing else can be done in between.
    let ends = piece.iter().map(Instruction::next_ip);
    assert!(ends.zip(piece[1..].iter().map(Instruction::ip)).all(|(end, next)| end == next));
    // What begins again has lost nothing.
    assert_ne!(lock, load.op0_register());
    assert_ne!(store.op1_register(), load.op0_register());
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
        needless.retain(|mnemonic| *mnemonic != Mnemonic::And);
        assert_eq!(needless, beyond(shape), "{shape:?}");
    }
}

/// Instructions that a stub could do without, besides the rounding of a stack that is aligned already
/// if the caller keeps to the ABI.
fn beyond(shape: Shape) -> Vec<Mnemonic> {
    match (shape.atomic, shape.reference) {
        // Without its jump a refused call drops temporaries that it does not have.
        (true, false) => vec![Mnemonic::Jmp],
        _ => vec![],
    }
}
