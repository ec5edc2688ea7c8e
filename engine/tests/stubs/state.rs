//! What is known at one instruction of a stub: words, stack, frame, locks, flags.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::{offset_of, size_of},
};

use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};
use warren_engine::{
    layout::{Cpu, Frame, MARKED, Object},
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
const CPU_HOME: usize = offset_of!(Cpu, home);
const CPU_NO_LOCK: usize = offset_of!(Cpu, no_lock);
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
    /// The first free frame, where it is not known yet whether the engine has made the call.
    Entering,
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

/// One of the locks that a call deals with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// The caller's.
    Caller,
    /// The callee's.
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
    /// Whether the caller keeps its lock.
    pub atomic: bool,
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
    /// Whether it is written that the caller's lock is held.
    pub kept: bool,
    /// A lock that the instruction before has found to be one that can be taken.
    pub free: Option<Lock>,
    /// Whether the thread was seen not to be marked.
    pub unmarked: bool,
    /// What was seen to be a lock, and what to be none.
    pub locks: BTreeMap<Lock, bool>,
    /// Whether the engine was asked to make the call, and it is not known yet whether it has.
    pub entering: bool,
    /// Whether the frame was the newest.
    pub made: bool,
    /// Whether the call's temporaries are gone.
    pub dropped: bool,
    /// What the flags say.
    pub flags: Flags,
}

impl State {
    pub fn entered(wide: bool, atomic: bool) -> Self {
        let entered = SAVED.into_iter().chain(ARGUMENTS);
        State {
            wide,
            atomic,
            registers: entered.map(|register| (register, Word::Entered(register))).collect(),
            stack: vec![Word::Return],
            rounded: false,
            newest: 0,
            written: BTreeSet::new(),
            lock: Word::Unknown,
            kept: false,
            free: None,
            unmarked: false,
            locks: BTreeMap::new(),
            entering: false,
            made: false,
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
            Flags::Zero(Word::Refusal) => state.learn_whether_made(equal),
            Flags::Equal(Word::Holder(lock), Word::Cpu(CPU_FREE)) => {
                state.free = equal.then_some(lock);
            }
            Flags::Equal(Word::Frame(FRAME), Word::Cpu(CPU_OWNER)) => state.dropped |= !equal,
            Flags::Equal(Word::Cpu(CPU_FREE), Word::Number(MARKED)) => state.unmarked = !equal,
            // Nothing is to be taken where there is no lock.
            Flags::Equal(Word::Lock(lock), Word::Cpu(CPU_NO_LOCK)) => {
                if *state.locks.entry(lock).or_insert(!equal) == equal {
                    return None;
                }
                state.free = (equal && state.unmarked).then_some(lock);
            }
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

    /// Only the caller's lock is ever written: that it is held, before the frame is the newest, and by what it reads as free, when it is not any more.
    pub fn store_lock(&mut self, lock: Lock, word: Word) {
        assert_eq!((lock, self.newest), (Lock::Caller, 0), "writes a lock: {word:?}");
        assert_eq!(self.locks.get(&lock), Some(&true), "writes where everybody reads");
        match word {
            Word::Frame(0) => assert!(self.atomic, "writes a lock that it lets go of"),
            Word::Cpu(CPU_HOME) => assert!(self.kept, "frees what it has not written"),
            word => panic!("writes {word:?} into a lock"),
        }
        self.kept = word == Word::Frame(0);
    }

    /// Whether the caller has its lock while the call lasts.
    pub fn is_kept(&self) -> bool {
        self.kept || self.locks.get(&Lock::Caller) == Some(&false)
    }

    /// What the thread holds.
    pub fn held(&self) -> Vec<Lock> {
        let kept = self.atomic && self.is_kept();
        kept.then_some(Lock::Caller).into_iter().chain([Lock::Callee]).collect()
    }

    /// The engine has made the call, or has refused it.
    fn learn_whether_made(&mut self, made: bool) {
        assert!(self.entering);
        self.entering = false;
        self.made = made;
        self.newest = if made { FRAME } else { 0 };
        self.learn(Word::Entering, Word::Frame(self.newest));
        match made {
            true => self.lock = Word::Lock(Lock::Callee),
            false => self.learn(Word::Refusal, Word::Result(0)),
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
        self.dropped |= is(offset_of!(SlowPaths, drop_temporaries));
        if is(offset_of!(SlowPaths, enter)) || is(offset_of!(SlowPaths, enter_atomic)) {
            let missing = frame_fields(self.wide).difference(&self.written).count();
            assert_eq!((self.newest, missing), (0, 0), "the frame is not filled in");
            self.entering = true;
            // The engine writes the caller's lock itself.
            self.kept |= self.atomic && self.locks.get(&Lock::Caller) == Some(&true);
            self.set(Register::RAX, Word::Refusal);
        }
        if is(offset_of!(SlowPaths, come_back)) || is(offset_of!(SlowPaths, leave_atomic)) {
            assert_eq!(self.newest, FRAME, "there is no call to end");
        }
        if is(offset_of!(SlowPaths, come_back)) {
            // The engine has taken the frame away, and with that the caller's lock.
            self.newest = 0;
        }
        if is(offset_of!(SlowPaths, leave_atomic)) {
            // The lock stays written, and the thread marked.
            (self.newest, self.kept) = (0, false);
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
                at if at == offset_of!(Cpu, frame) && self.entering => Word::Entering,
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
            at if at == offset_of!(Frame, lock) => Word::Lock(Lock::Callee),
            _ => saved_in(field),
        };
        assert_eq!(word, expected, "the frame is filled with something else: {instruction:?}");
        if field == offset_of!(Frame, lock) {
            self.lock = word;
        }
        self.written.insert(field);
    }

    /// [`Cpu::frame`] becomes another one, which takes the lock that was found to be `free`.
    pub fn move_frame(&mut self, instruction: &Instruction, free: Option<Lock>) {
        assert_eq!(instruction.memory_displacement64() as usize, offset_of!(Cpu, frame));
        let sign = if instruction.mnemonic() == Mnemonic::Add { 1 } else { -1 };
        self.newest += sign * instruction.immediate(1) as i64;
        self.made |= self.newest == FRAME;
        if self.newest == FRAME {
            assert_eq!(free, Some(Lock::Callee), "takes a lock that may be held");
            assert!(!self.atomic || self.is_kept(), "lets go of a lock that it is to keep");
        } else if self.atomic {
            assert!(self.unmarked, "somebody may wait for the callee's lock");
        } else {
            assert_eq!(free, Some(Lock::Caller), "takes a lock that may be held");
        }
        self.unmarked = false;
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
        assert_eq!(self.lock, Word::Lock(Lock::Callee), "the lock is not the one that was taken");
        for register in ARGUMENTS.into_iter().skip(1).chain(SAVED) {
            assert_eq!(self.get(register), Word::Entered(register), "{register:?} is lost");
        }
    }

    /// A function of the C ABI keeps the callee-saved registers only.
    pub fn forget_after_call(&mut self) {
        self.flags = Flags::Unknown;
        self.unmarked = false;
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
