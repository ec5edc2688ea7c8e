//! A machine that runs a stub on every path at once, with symbols in place of values.
//!
//! It knows where a register's or a stack slot's content comes from, how deep the stack is, which frame is
//! the newest, and which locks are held. What it does not understand it forgets; what would make a stub wrong it panics about.
//! It shares nothing with the assembler that made the stub: the bytes are decoded by iced-x86.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::size_of,
};

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic,
    OpKind, Register,
};
use warren_engine::layout::Cpu;

use crate::state::{ARGUMENTS, Flags, Lock, SAVED, State, Word};

/// What a stub did on its paths, for a test to judge.
#[derive(Debug, Default)]
pub struct Seen {
    /// Displacements of calls of an entry.
    pub entries: Vec<u64>,
    /// Locks that were held at calls of an entry.
    pub held: BTreeSet<Vec<Lock>>,
    /// Offsets in [`Cpu`] of functions called through gs, by the address of the call.
    pub slow: BTreeMap<u64, usize>,
    /// Numbers of system calls.
    pub system_calls: Vec<u64>,
    /// Result registers at each return.
    pub results: Vec<[Word; 2]>,
    /// Instructions.
    pub instructions: usize,
}

/// A stub under examination.
pub struct Machine {
    code: BTreeMap<u64, Instruction>,
    states: BTreeMap<u64, Vec<State>>,
    open: Vec<(u64, State)>,
    /// The code that ends the call.
    resume: Option<u64>,
    seen: Seen,
}

impl Machine {
    /// Decodes a stub, up to the breakpoints that fill its cell, and runs it. `wide` says whether it passes words on the stack, `atomic` whether its
    /// caller keeps its lock.
    pub fn run(bytes: &[u8], wide: bool, atomic: bool) -> Seen {
        let end = bytes.iter().rposition(|byte| *byte != 0xcc).expect("a stub has code") + 1;
        let decoder = Decoder::with_ip(64, &bytes[..end], 0, DecoderOptions::NONE);
        let code: BTreeMap<u64, Instruction> =
            decoder.into_iter().map(|instruction| (instruction.ip(), instruction)).collect();
        let mut machine = Machine {
            code,
            states: BTreeMap::new(),
            open: Vec::new(),
            resume: None,
            seen: Seen::default(),
        };
        machine.check_instructions();
        machine.flow(0, State::entered(wide, atomic));
        while let Some((at, state)) = machine.open.pop() {
            machine.step(at, state);
        }
        let reached = machine.states.len();
        assert_eq!(reached, machine.code.len(), "some instructions are never reached");
        machine.seen.instructions = reached;
        machine.seen
    }

    /// What no instruction of a stub may be, on any path.
    fn check_instructions(&self) {
        let mut info = InstructionInfoFactory::new();
        for instruction in self.code.values() {
            assert_ne!(instruction.code(), Code::INVALID, "at {:#x}", instruction.ip());
            assert!(!instruction.is_privileged(), "privileged: {instruction:?}");
            assert!(!instruction.has_lock_prefix(), "an atomic instruction: {instruction:?}");
            for memory in info.info(instruction).used_memory() {
                assert_ne!(memory.segment(), Register::FS, "uses fs: {instruction:?}");
                let exchanged = instruction.mnemonic() == Mnemonic::Xchg;
                assert!(!exchanged, "an atomic instruction: {instruction:?}");
                if memory.segment() == Register::GS {
                    let inside = memory.base() == Register::None
                        && memory.index() == Register::None
                        && memory.displacement() + 8 <= size_of::<Cpu>() as u64;
                    assert!(inside, "not a field of Cpu: {instruction:?}");
                }
            }
        }
    }

    /// Control reaches an instruction with this known.
    fn flow(&mut self, at: u64, state: State) {
        assert!(self.code.contains_key(&at), "control leaves the stub for {at:#x}");
        let states = self.states.entry(at).or_default();
        if states.contains(&state) {
            return;
        }
        if let Some(known) = states.first() {
            known.check_meeting(&state, at);
        }
        states.push(state.clone());
        self.open.push((at, state));
    }

    fn step(&mut self, at: u64, mut state: State) {
        let instruction = self.code[&at];
        match instruction.flow_control() {
            FlowControl::Next => {
                self.execute(&mut state, &instruction);
                self.flow(instruction.next_ip(), state);
            }
            FlowControl::ConditionalBranch => {
                let on_equal = match instruction.mnemonic() {
                    Mnemonic::Je => [instruction.near_branch_target(), instruction.next_ip()],
                    Mnemonic::Jne => [instruction.next_ip(), instruction.near_branch_target()],
                    _ => panic!("{instruction:?}"),
                };
                for (equal, target) in [true, false].into_iter().zip(on_equal) {
                    if let Some(state) = state.branch(equal) {
                        self.flow(target, state);
                    }
                }
            }
            FlowControl::UnconditionalBranch => {
                self.flow(instruction.near_branch_target(), state);
            }
            FlowControl::IndirectCall => {
                self.call(&mut state, &instruction);
                self.flow(instruction.next_ip(), state);
            }
            FlowControl::Return => self.leave(state),
            FlowControl::Call if instruction.mnemonic() == Mnemonic::Syscall => {
                self.system_call(&mut state);
                self.flow(instruction.next_ip(), state);
            }
            other => panic!("{other:?} has no place in a stub: {instruction:?}"),
        }
    }

    /// A function called through memory: the entry, or one of the engine's.
    fn call(&mut self, state: &mut State, call: &Instruction) {
        assert_eq!(call.op0_kind(), OpKind::Memory, "{call:?}");
        assert!(
            state.rounded || state.stack.len().is_multiple_of(2),
            "the stack is not aligned: {call:?}"
        );
        if call.memory_segment() == Register::GS {
            let function = call.memory_displacement64() as usize;
            self.seen.slow.insert(call.ip(), function);
            state.call_engine(function);
            return;
        }
        assert_eq!(state.get(call.memory_base()), Word::Entries, "calls no entry: {call:?}");
        state.check_entry();
        self.seen.entries.push(call.memory_displacement64());
        self.seen.held.insert(state.held());
        let resume = self.resume.expect("the call can be ended");
        state.forget_after_call();
        state.set(Register::RAX, Word::Result(0));
        state.set(Register::RDX, Word::Result(1));
        // Whoever ends the call restores the registers and the stack pointer, and so knows as much as the callee's return.
        let mut ended = state.clone();
        ended.stack.truncate(ended.kept_words());
        self.flow(resume, ended);
    }

    fn system_call(&mut self, state: &mut State) {
        let expected = ARGUMENTS.map(|register| match register {
            Register::RCX => (Register::R10, Word::Entered(Register::RCX)),
            other => (other, Word::Entered(other)),
        });
        for (register, word) in expected {
            assert_eq!(state.get(register), word, "{register:?} is lost at the system call");
        }
        let Word::Number(number) = state.get(Register::RAX) else {
            panic!("the system call has no number");
        };
        self.seen.system_calls.push(number);
        // The kernel may use every register but those that a callee keeps.
        state.registers.retain(|register, _| SAVED.contains(register));
        state.set(Register::RAX, Word::Result(0));
        state.set(Register::RDX, Word::Result(1));
    }

    /// `ret`: everything is as the caller left it.
    fn leave(&mut self, mut state: State) {
        assert!(!state.rounded);
        assert_eq!(state.pop(), Word::Return, "returns to elsewhere");
        assert!(state.stack.is_empty(), "the stack is not balanced: {state:?}");
        assert_eq!(state.newest, 0, "the frame is still there");
        assert!(!state.kept, "the caller's lock is still written");
        for register in SAVED {
            assert_eq!(state.get(register), Word::Entered(register), "{register:?} is lost");
        }
        assert!(state.dropped || !state.made, "temporaries are not dropped");
        self.seen.results.push([state.get(Register::RAX), state.get(Register::RDX)]);
    }

    /// An instruction that neither branches nor calls.
    fn execute(&mut self, state: &mut State, instruction: &Instruction) {
        let (to, from) = (instruction.op0_kind(), instruction.op1_kind());
        let free = state.free.take();
        if instruction.rflags_modified() != 0 {
            state.flags = Flags::Unknown;
        }
        match instruction.mnemonic() {
            Mnemonic::Push => {
                let word = state.operand(instruction, 0);
                state.push(word);
            }
            Mnemonic::Pop => {
                let word = state.pop();
                state.store(instruction, word);
            }
            Mnemonic::Mov
                if to == OpKind::Register && instruction.op0_register() == Register::RSP =>
            {
                state.restore_stack(state.operand(instruction, 1));
            }
            Mnemonic::Mov => {
                let word = state.operand(instruction, 1);
                if let Some(Word::Lock(lock)) = state.target(instruction) {
                    return state.store_lock(lock, word);
                }
                state.store(instruction, word);
            }
            Mnemonic::Cmp => {
                let words = [0, 1].map(|index| state.operand(instruction, index));
                state.flags = Flags::Equal(words[0], words[1]);
            }
            Mnemonic::Test => {
                assert_eq!(instruction.op0_register(), instruction.op1_register());
                state.flags = Flags::Zero(state.operand(instruction, 0));
            }
            Mnemonic::Lea => {
                assert!(instruction.is_ip_rel_memory_operand(), "{instruction:?}");
                self.resume = Some(instruction.ip_rel_memory_address());
                state.set(instruction.op0_register(), Word::Resume);
            }
            Mnemonic::And if instruction.op0_register() == Register::RSP => {
                assert_eq!(instruction.immediate(1) as i64, -16, "{instruction:?}");
                state.rounded = true;
            }
            Mnemonic::Sub if instruction.op0_register() == Register::RSP => {
                assert_eq!(instruction.immediate(1), 8, "{instruction:?}");
                state.push(Word::Unknown);
            }
            Mnemonic::Add if instruction.op0_register() == Register::RSP => {
                assert_eq!(instruction.immediate(1), 8, "{instruction:?}");
                state.pop();
            }
            Mnemonic::Add | Mnemonic::Sub if instruction.memory_segment() == Register::GS => {
                state.move_frame(instruction, free);
            }
            Mnemonic::Add | Mnemonic::Sub if from != OpKind::Register && to == OpKind::Register => {
                state.add(instruction);
            }
            Mnemonic::Xor if instruction.op0_register() == instruction.op1_register() => {
                state.set(instruction.op0_register().full_register(), Word::Number(0));
            }
            _ => state.forget_written(instruction),
        }
    }
}
