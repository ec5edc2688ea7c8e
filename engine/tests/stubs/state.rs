//! What is known at one instruction of a stub: words, stack, frame, locks, flags.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::{offset_of, size_of},
};

use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};
use warren_engine::{
    layout::{Cpu, Frame, NEVER_FREE, Object},
    stub::SlowPaths,
};

/// Bytes of a frame.
const FRAME: i64 = size_of::<Frame>() as i64;
/// The callee-saved registers, in the order of [`Frame::saved`].
pub const SAVED: [Register; 6] =
    [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15];
/// Registers that hold arguments, the reference first.
pub const ARGUMENTS: [Register; 6] =
    [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];

const CPU_FREE: usize = offset_of!(Cpu, free);
const CPU_OWNER: usize = offset_of!(Cpu, owner);

/// Where a word comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Nobody knows.
    Unknown,
    /// This register, when the stub was entered.
    Entered(Register),
    /// The address at which the caller goes on.
    Return,
    /// The stack pointer, when the stack had this many words.
    Stack(usize),
    /// The address of the new frame, and a number.
    Frame(i64),
    /// The address of the code that ends the call.
    Resume,
    /// The callee's entries.
    Entries,
    /// The callee's state.
    State,
    /// The address of a lock.
    Lock(Lock),
    /// Who holds a lock.
    Holder(Lock),
    /// A field of [`Cpu`], by its offset.
    Cpu(usize),
    /// The call's error and value.
    Result(u8),
    /// Why an atomic call cannot be made, or 0 if it can.
    Refusal,
    /// A number.
    Number(u64),
}

/// The address of the thread's own lock.
pub const IDLE_LOCK: Word = Word::Cpu(offset_of!(Cpu, idle_lock));
/// What stands in the lock of objects that have none.
const NO_LOCK: Word = Word::Number(NEVER_FREE);

/// One of the locks that a call deals with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// The caller's.
    Caller,
    /// The callee's; the thread's own if the callee has none.
    Callee,
}

/// What the processor's flags say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// Nothing that the stub may rely on.
    Unknown,
    /// Whether a word is 0.
    Zero(Word),
    /// Whether two words are equal.
    Equal(Word, Word),
}

/// What is known at one instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Whether the call passes words on the stack.
    pub wide: bool,
    /// Words in registers; what is missing is unknown.
    pub registers: BTreeMap<Register, Word>,
    /// Words above the caller's part of the stack.
    pub stack: Vec<Word>,
    /// Whether the stack pointer was rounded down.
    pub rounded: bool,
    /// [`Cpu::frame`], counted from the new frame.
    pub newest: i64,
    /// Fields of the new frame that were written.
    pub written: BTreeSet<usize>,
    /// The lock in the new frame.
    pub lock: Word,
    /// Locks that the thread holds.
    pub held: BTreeSet<Lock>,
    /// A lock that the instruction before has found free, by the value of a free one that the acquire sequence has loaded.
    pub free: Option<Lock>,
    /// Whether the callee has no lock, and the thread's own is to be taken in its place.
    pub lockless: bool,
    /// Whether the call's temporaries are gone.
    pub dropped: bool,
    /// What the flags say.
    pub flags: Flags,
}

impl State {
    pub fn entered(wide: bool) -> Self {
        let entered = SAVED.into_iter().chain(ARGUMENTS);
        State {
            wide,
            registers: entered.map(|register| (register, Word::Entered(register))).collect(),
            stack: vec![Word::Return],
            rounded: false,
            newest: 0,
            written: BTreeSet::new(),
            lock: Word::Unknown,
            held: BTreeSet::from([Lock::Caller]),
            free: None,
            lockless: false,
            dropped: false,
            flags: Flags::Unknown,
        }
    }

    /// Words above the caller's part of the stack while the callee runs: the return address, unless it is in the frame.
    pub fn kept_words(&self) -> usize {
        if self.wide { 0 } else { 1 }
    }

    /// What is known on one side of a branch; `None` if it cannot be taken.
    pub fn branch(&self, equal: bool) -> Option<State> {
        let mut state = self.clone();
        state.flags = Flags::Unknown;
        match self.flags {
            Flags::Zero(Word::Refusal) if equal => (),
            Flags::Zero(Word::Refusal) => state.learn(Word::Refusal, Word::Result(0)),
            Flags::Equal(Word::Holder(lock), Word::Cpu(CPU_FREE)) => {
                state.free = equal.then_some(lock);
            }
            Flags::Equal(Word::Frame(FRAME), Word::Cpu(CPU_OWNER)) => state.dropped |= !equal,
            // A callee that has no lock gets the thread's own.
            Flags::Equal(Word::Holder(Lock::Callee), NO_LOCK) => state.lockless = equal,
            Flags::Equal(Word::Lock(one), Word::Lock(other)) if (one == other) != equal => {
                return None;
            }
            Flags::Equal(Word::Lock(_), Word::Lock(_)) => (),
            flags => panic!("branches on nothing: {flags:?}"),
        }
        Some(state)
    }

    /// What a memory operand's base is, if the instruction writes to memory there.
    pub fn target(&self, instruction: &Instruction) -> Option<Word> {
        let plain = instruction.op0_kind() == OpKind::Memory
            && instruction.memory_segment() != Register::GS
            && instruction.memory_displacement64() == 0;
        plain.then(|| self.get(instruction.memory_base()))
    }

    /// A lock is taken right after it was seen to be free, and freed by who holds it.
    pub fn store_lock(&mut self, lock: Lock, word: Word, free: Option<Lock>) {
        match word {
            Word::Frame(_) => {
                assert_eq!(free, Some(lock), "takes a lock that may be held");
                assert!(self.held.insert(lock), "takes a lock twice");
            }
            Word::Cpu(CPU_FREE) => assert!(self.held.remove(&lock), "frees what it does not hold"),
            word => panic!("writes {word:?} into a lock"),
        }
    }

    /// A word is known better.
    pub fn learn(&mut self, before: Word, after: Word) {
        let words = self.registers.values_mut().filter(|word| **word == before);
        words.for_each(|word| *word = after);
    }

    /// Wherever paths meet, the stack is as deep and the frame is as new on all of them.
    pub fn check_meeting(&self, other: &State, at: u64) {
        assert_eq!(self.stack.len(), other.stack.len(), "two stacks meet at {at:#x}");
        assert_eq!((self.rounded, self.newest), (other.rounded, other.newest), "at {at:#x}");
    }

    /// One of [`SlowPaths`].
    pub fn call_engine(&mut self, function: usize) {
        let is = |path: usize| function == offset_of!(Cpu, slow) + path;
        let [first, second] = [Register::RDI, Register::RSI].map(|register| self.get(register));
        self.forget_after_call();
        let wait = is(offset_of!(SlowPaths, wait)) || is(offset_of!(SlowPaths, wait_atomic));
        assert!(!wait || matches!(first, Word::Lock(_)), "waits for no lock");
        self.dropped |= is(offset_of!(SlowPaths, drop_temporaries));
        if is(offset_of!(SlowPaths, wait_atomic)) {
            self.set(Register::RAX, Word::Refusal);
        }
        if is(offset_of!(SlowPaths, hand_over)) {
            assert_eq!(first, Word::Result(0), "the error is not handed over");
            self.set(Register::RAX, first);
            self.set(Register::RDX, second);
            self.dropped = true;
        }
    }

    pub fn get(&self, register: Register) -> Word {
        self.registers.get(&register.full_register()).copied().unwrap_or(Word::Unknown)
    }

    pub fn set(&mut self, register: Register, word: Word) {
        self.registers.insert(register.full_register(), word);
    }

    pub fn push(&mut self, word: Word) {
        assert!(!self.rounded, "pushes on a rounded stack");
        self.stack.push(word);
    }

    pub fn pop(&mut self) -> Word {
        assert!(!self.rounded, "pops from a rounded stack");
        self.stack.pop().expect("takes a word from the caller's part of the stack")
    }

    pub fn restore_stack(&mut self, word: Word) {
        assert_eq!(word, Word::Stack(self.stack.len()), "moves the stack pointer elsewhere");
        self.rounded = false;
    }

    /// The field of the new frame that a memory operand is.
    pub fn field(&self, instruction: &Instruction) -> Option<usize> {
        let field = self.distance(instruction)?;
        assert!((0..FRAME).contains(&field), "not the new frame: {instruction:?}");
        Some(field as usize)
    }

    /// How far a memory operand lies behind the start of the new frame, if it is a frame's.
    fn distance(&self, instruction: &Instruction) -> Option<i64> {
        let Word::Frame(offset) = self.get(instruction.memory_base()) else { return None };
        Some(offset + instruction.memory_displacement64() as i64)
    }

    pub fn operand(&self, instruction: &Instruction, index: u32) -> Word {
        match instruction.op_kind(index) {
            OpKind::Register if instruction.op_register(index) == Register::RSP => {
                Word::Stack(self.stack.len())
            }
            OpKind::Register => self.get(instruction.op_register(index)),
            OpKind::Memory => self.load(instruction),
            _ => Word::Number(instruction.immediate(index)),
        }
    }

    pub fn load(&self, instruction: &Instruction) -> Word {
        let displacement = instruction.memory_displacement64() as usize;
        if instruction.memory_segment() == Register::GS {
            return match displacement {
                at if at == offset_of!(Cpu, frame) => Word::Frame(self.newest),
                at => Word::Cpu(at),
            };
        }
        if self.distance(instruction) == Some(offset_of!(Frame, lock) as i64 - FRAME) {
            return Word::Lock(Lock::Caller);
        }
        match self.field(instruction) {
            Some(field) if field == offset_of!(Frame, lock) => return self.lock,
            Some(field) => return saved_in(field),
            None => (),
        }
        let base = self.get(instruction.memory_base());
        let object = base == Word::Entered(Register::RDI);
        if let (Word::Lock(lock), 0) = (base, displacement) {
            return Word::Holder(lock);
        }
        match displacement {
            at if object && at == offset_of!(Object, entries) => Word::Entries,
            at if object && at == offset_of!(Object, state) => Word::State,
            at if object && at == offset_of!(Object, lock) => Word::Lock(Lock::Callee),
            _ => Word::Unknown,
        }
    }

    pub fn store(&mut self, instruction: &Instruction, word: Word) {
        if instruction.op0_kind() == OpKind::Register {
            return self.set(instruction.op0_register(), word);
        }
        let displacement = instruction.memory_displacement64() as usize;
        if instruction.memory_segment() == Register::GS {
            assert_eq!(displacement, offset_of!(Cpu, frame), "{instruction:?}");
            let Word::Frame(newest) = word else { panic!("no frame: {instruction:?}") };
            self.newest = newest;
            return;
        }
        let field = self.field(instruction);
        let field = field.unwrap_or_else(|| panic!("writes somewhere: {instruction:?}"));
        let expected = match field {
            at if at == offset_of!(Frame, stack) => Word::Stack(self.kept_words()),
            at if at == offset_of!(Frame, resume) => Word::Resume,
            at if at == offset_of!(Frame, object) => Word::Entered(Register::RDI),
            at if at == offset_of!(Frame, lock) && word == IDLE_LOCK => {
                assert!(self.lockless, "the callee has a lock: {instruction:?}");
                self.lock = Word::Lock(Lock::Callee);
                // Nobody else takes it, so it need not be held.
                self.held.insert(Lock::Callee);
                word
            }
            at if at == offset_of!(Frame, lock) => {
                assert!(matches!(word, Word::Lock(_)), "no lock: {instruction:?}");
                self.lock = word;
                word
            }
            _ => saved_in(field),
        };
        assert_eq!(word, expected, "the frame is filled with something else: {instruction:?}");
        self.written.insert(field);
    }

    /// [`Cpu::frame`] becomes another one.
    pub fn move_frame(&mut self, instruction: &Instruction) {
        assert_eq!(instruction.memory_displacement64() as usize, offset_of!(Cpu, frame));
        let sign = if instruction.mnemonic() == Mnemonic::Add { 1 } else { -1 };
        self.newest += sign * instruction.immediate(1) as i64;
    }

    pub fn add(&mut self, instruction: &Instruction) {
        let register = instruction.op0_register();
        let sign = if instruction.mnemonic() == Mnemonic::Add { 1 } else { -1 };
        assert_ne!(register, Register::RSP, "{instruction:?}");
        let word = match self.get(register) {
            Word::Frame(offset) => Word::Frame(offset + sign * instruction.immediate(1) as i64),
            _ => Word::Unknown,
        };
        self.set(register, word);
    }

    /// What the callee and a fault in it rely on.
    pub fn check_entry(&self) {
        // Where the return address stays it is the only word, and one more aligns the stack.
        let kept: &[Word] = if self.wide { &[] } else { &[Word::Return, Word::Unknown] };
        assert!(self.stack == kept && !self.rounded, "the stack is not as the callee expects it");
        assert_eq!(self.newest, FRAME, "the frame is not published");
        let missing: Vec<_> = frame_fields(self.wide).difference(&self.written).copied().collect();
        assert!(missing.is_empty(), "fields of the frame that are not filled: {missing:?}");
        assert_eq!(self.get(Register::RDI), Word::State);
        let newest = self.held.last().copied().map(Word::Lock);
        assert_eq!(newest, Some(self.lock), "the lock is not the one that was taken");
        for register in ARGUMENTS.into_iter().skip(1).chain(SAVED) {
            assert_eq!(self.get(register), Word::Entered(register), "{register:?} is lost");
        }
    }

    /// A function of the C ABI keeps the callee-saved registers only.
    pub fn forget_after_call(&mut self) {
        self.flags = Flags::Unknown;
        self.registers.retain(|register, _| SAVED.contains(register));
    }

    pub fn forget_written(&mut self, instruction: &Instruction) {
        let mut factory = InstructionInfoFactory::new();
        for used in factory.info(instruction).used_registers() {
            let read = matches!(used.access(), OpAccess::Read | OpAccess::CondRead);
            if read {
                continue;
            }
            assert_ne!(used.register(), Register::RSP, "{instruction:?}");
            self.registers.remove(&used.register().full_register());
        }
    }
}

/// Fields that a frame must have before the callee is entered.
fn frame_fields(wide: bool) -> BTreeSet<usize> {
    let saved = (0..SAVED.len()).map(|index| offset_of!(Frame, saved) + 8 * index);
    saved
        .chain(wide.then_some(offset_of!(Frame, return_address)))
        .chain([
            offset_of!(Frame, stack),
            offset_of!(Frame, resume),
            offset_of!(Frame, lock),
            offset_of!(Frame, object),
        ])
        .collect()
}

/// What a field of the new frame holds.
fn saved_in(field: usize) -> Word {
    match field {
        at if at == offset_of!(Frame, return_address) => return Word::Return,
        _ => (),
    }
    let index = field.checked_sub(offset_of!(Frame, saved)).map(|offset| offset / 8);
    match index.and_then(|index| SAVED.get(index)) {
        Some(register) => Word::Entered(*register),
        None => Word::Unknown,
    }
}
