//! A processor that executes stubs: the bytes that the engine emits, one instruction at a time.
//!
//! It knows the instructions that stubs consist of, as iced-x86 decodes them, and refuses every other. Memory is words.

use std::{
    collections::BTreeMap,
    mem::{offset_of, size_of},
    ptr,
    rc::Rc,
};

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use warren_engine::{
    layout::{self, Cpu, Frame, LockWord, Object},
    stub::{self, STUB_BYTES, Shape, SlowPaths},
};

use crate::locks::NO_LOCK;

/// Where the stub lies.
pub const CODE: u64 = 0x1000_0000;
/// Where a return from the stub goes.
pub const CALLER: u64 = 0x2000_0000;
/// Where the callee's entry lies.
const ENTRY: u64 = 0x3000_0000;
/// Where functions of the engine lie, by their offset in the block.
const ENGINE: u64 = 0x4000_0000;
/// The frames of the first thread; those of the others follow.
const FRAMES: u64 = 0x5000_0000;
/// The stack of the first thread.
const STACK: u64 = 0x6000_0000;
/// Distance between two threads' memory.
const AREA: u64 = 0x10_0000;
/// Bytes of a frame.
pub const FRAME: u64 = size_of::<Frame>() as u64;
/// Frames of a thread: its bottom, its caller's, its callee's.
const COUNT: usize = 3;
/// Distance of an object's entries from it.
const ENTRIES: u64 = 0x1_0000;
/// What nobody may rely on.
const RUBBISH: u64 = 0xdead_dead_dead_dead;

const REGISTERS: [Register; 15] = [
    Register::RAX,
    Register::RBX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::RBP,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

/// A stub, decoded.
pub struct Stub {
    instructions: BTreeMap<u64, Instruction>,
    shape: Shape,
}

impl Stub {
    /// The stub of the first function of a service.
    pub fn new(shape: Shape) -> Rc<Self> {
        let code = stub::call_stub(0, shape);
        let end = code.iter().rposition(|byte| *byte != 0xcc).expect("a stub has code") + 1;
        let decoder = Decoder::with_ip(64, &code[..end], CODE, DecoderOptions::NONE);
        let instructions = decoder.into_iter().map(|one| (one.ip(), one)).collect();
        Rc::new(Stub { instructions, shape })
    }

    /// Where an interrupted thread goes on.
    pub fn restart(&self, rip: u64) -> u64 {
        match (CODE..CODE + STUB_BYTES as u64).contains(&rip) {
            true => stub::restart(rip, Some((rip - CODE, self.shape))),
            false => rip,
        }
    }

    /// Whether what is executed in one piece begins here.
    pub fn begins(&self, rip: u64) -> bool {
        let next = self.instructions[&rip].next_ip();
        next != rip && self.restart(next) == rip
    }

    /// Whether the instruction here is one that has to do with nothing but the thread's own stack and registers.
    pub fn is_private(&self, rip: u64) -> bool {
        let Some(instruction) = self.instructions.get(&rip) else { return false };
        let stays = matches!(
            instruction.mnemonic(),
            Mnemonic::Push | Mnemonic::Pop | Mnemonic::Jmp | Mnemonic::And | Mnemonic::Test
        );
        stays && !self.begins(rip) && self.restart(rip) == rip
    }

    /// Behind the first load, from an address on, of the word of the locks that may be taken.
    pub fn behind_load_of_free(&self, rip: u64) -> u64 {
        let loads = |one: &&Instruction| {
            one.memory_segment() == Register::GS
                && one.memory_displacement64() as usize == offset_of!(Cpu, free)
        };
        let mut behind = self.instructions.range(rip..).map(|(_, instruction)| instruction);
        behind.find(loads).expect("a piece looks at a lock").next_ip()
    }
}

/// Words of memory, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory(Vec<(u64, u64)>);

impl Memory {
    fn find(&self, address: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&address, |(at, _)| *at)
    }

    /// The word at an address; what was never written is rubbish.
    pub fn get(&self, address: u64) -> u64 {
        self.find(address).map_or(RUBBISH, |index| self.0[index].1)
    }

    /// Writes a word; returns what was there before.
    pub fn insert(&mut self, address: u64, word: u64) -> u64 {
        match self.find(address) {
            Ok(index) => std::mem::replace(&mut self.0[index].1, word),
            Err(index) => {
                self.0.insert(index, (address, word));
                RUBBISH
            }
        }
    }

    /// Forgets a word.
    fn remove(&mut self, address: u64) -> u64 {
        self.find(address).map_or(RUBBISH, |index| self.0.remove(index).1)
    }
}

/// What an instruction has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing but the next one.
    Next,
    /// It wrote this word at this address, which held the other before.
    Wrote { address: u64, word: u64, before: u64 },
    /// The callee is entered.
    Entered,
    /// A function of the engine is called, by its offset in the block.
    Engine(usize),
    /// The stub has returned.
    Returned,
}

/// A thread, and its block, as one processor has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Thread {
    registers: [u64; REGISTERS.len()],
    rsp: u64,
    /// The next instruction.
    pub rip: u64,
    is_equal: Option<bool>,
    /// [`Cpu::frame`].
    pub frame: u64,
    /// [`Cpu::home`].
    pub home: u64,
    /// [`Cpu::free`].
    pub free: u64,
    /// [`Cpu::heir`].
    pub heir: u64,
    /// Its bottom frame.
    pub bottom: u64,
}

impl Thread {
    /// Thread `number`, about to enter a stub with `object`. The newest frame is that of its caller, who has this lock. It does not run yet.
    pub fn new(number: u64, object: u64, callers_lock: u64, memory: &mut Memory) -> Self {
        let bottom = FRAMES + number * AREA;
        let caller = bottom + FRAME;
        let frame = caller + FRAME;
        memory.insert(Self::lock_of(bottom), NO_LOCK);
        memory.insert(Self::lock_of(caller), callers_lock);
        memory.insert(callers_lock, caller);
        let rsp = STACK + number * AREA - 8;
        memory.insert(rsp, CALLER);
        let mut thread = Thread {
            registers: [RUBBISH; REGISTERS.len()],
            rsp,
            rip: CODE,
            is_equal: None,
            frame,
            home: 0,
            free: 0,
            heir: 0,
            bottom,
        };
        thread.set(Register::RDI, object);
        thread
    }

    fn register(&self, register: Register) -> u64 {
        if register == Register::RSP {
            return self.rsp;
        }
        let index = REGISTERS.iter().position(|known| *known == register);
        self.registers[index.unwrap_or_else(|| panic!("{register:?} in a stub"))]
    }

    fn set(&mut self, register: Register, word: u64) {
        if register == Register::RSP {
            self.rsp = word;
            return;
        }
        let index = REGISTERS.iter().position(|known| *known == register);
        self.registers[index.unwrap_or_else(|| panic!("{register:?} in a stub"))] = word;
    }

    /// A field of the block.
    fn field(&self, offset: usize) -> u64 {
        match offset {
            at if at == offset_of!(Cpu, frame) => self.frame,
            at if at == offset_of!(Cpu, free) => self.free,
            at if at == offset_of!(Cpu, home) => self.home,
            at if at == offset_of!(Cpu, no_lock) => NO_LOCK,
            // There are no temporaries.
            at if at == offset_of!(Cpu, owner) => 0,
            at if slow(at) => ENGINE + at as u64,
            at => panic!("the block has nothing at {at}"),
        }
    }

    fn address(&self, instruction: &Instruction) -> u64 {
        assert_eq!(instruction.memory_index(), Register::None, "{instruction:?}");
        match instruction.memory_base() {
            Register::RIP => instruction.ip_rel_memory_address(),
            base => self.register(base).wrapping_add(instruction.memory_displacement64()),
        }
    }

    fn operand(&self, memory: &Memory, instruction: &Instruction, index: u32) -> u64 {
        match instruction.op_kind(index) {
            OpKind::Register => self.register(instruction.op_register(index)),
            OpKind::Memory if instruction.memory_segment() == Register::GS => {
                self.field(instruction.memory_displacement64() as usize)
            }
            OpKind::Memory => memory.get(self.address(instruction)),
            _ => instruction.immediate(index),
        }
    }

    fn store(&mut self, memory: &mut Memory, instruction: &Instruction, word: u64) -> Event {
        match instruction.op0_kind() {
            OpKind::Register => {
                self.set(instruction.op0_register(), word);
                Event::Next
            }
            OpKind::Memory if instruction.memory_segment() == Register::GS => {
                let field = instruction.memory_displacement64() as usize;
                assert_eq!(field, offset_of!(Cpu, frame), "{instruction:?}");
                self.frame = word;
                Event::Next
            }
            _ => write(memory, self.address(instruction), word),
        }
    }

    fn push(&mut self, memory: &mut Memory, word: u64) {
        self.rsp -= 8;
        memory.insert(self.rsp, word);
    }

    /// Takes a word from the stack, which nobody finds there any more.
    fn pop(&mut self, memory: &mut Memory) -> u64 {
        let word = memory.remove(self.rsp);
        self.rsp += 8;
        word
    }

    /// A function that was called returns.
    pub fn come_back(&mut self, memory: &mut Memory) {
        self.rip = self.pop(memory);
        for register in [
            Register::RAX,
            Register::RCX,
            Register::RDX,
            Register::RSI,
            Register::RDI,
            Register::R8,
            Register::R9,
            Register::R10,
            Register::R11,
        ] {
            self.set(register, RUBBISH);
        }
        // Errors are in rax: there is none.
        self.set(Register::RAX, 0);
        self.is_equal = None;
    }

    /// Where the lock of one of its frames stands.
    pub fn lock_of(frame: u64) -> u64 {
        frame + offset_of!(Frame, lock) as u64
    }

    /// Whether a word says that it has the lock.
    pub fn holds(&self, word: u64) -> bool {
        Frame::holds(self.bottom as *const Frame, word)
    }

    /// Lets the engine itself work on the thread's block and on locks, which are those at the addresses in `locks`, in their order.
    pub fn with_block(
        &mut self,
        memory: &mut Memory,
        locks: &[u64],
        work: impl FnOnce(&mut Cpu, &[LockWord]),
    ) {
        let mut frames = [(); COUNT].map(|()| Frame::bottom(ptr::null_mut(), 0, 0));
        let base = frames.as_mut_ptr();
        let bottom = self.bottom;
        // Addresses in the frames are others there.
        let there = |word: u64| match Frame::holds(bottom as *const Frame, word) {
            true => word - bottom + base as u64,
            false => word,
        };
        let words: Vec<LockWord> =
            locks.iter().map(|lock| LockWord::new(there(memory.get(*lock)))).collect();
        for (number, frame) in (0..).zip(&mut frames) {
            let lock = memory.get(Self::lock_of(bottom + number * FRAME));
            let word = locks.iter().position(|known| *known == lock);
            frame.lock = word.map_or(&raw const layout::NO_LOCK, |word| &raw const words[word]);
        }
        let mut cpu = Cpu {
            frame: there(self.frame - FRAME).wrapping_add(FRAME) as *mut Frame,
            temporary: ptr::null_mut(),
            temporary_end: ptr::null_mut(),
            owner: ptr::null_mut(),
            thread: 0,
            bottom: base,
            no_lock: &raw const layout::NO_LOCK,
            home: self.home,
            free: self.free,
            heir: self.heir,
            slow: SlowPaths {
                enter: 0,
                enter_atomic: 0,
                come_back: 0,
                leave_atomic: 0,
                drop_temporaries: 0,
                hand_over: 0,
                dead: 0,
            },
            platform: [0; 10],
        };
        work(&mut cpu, &words);
        (self.home, self.free, self.heir) = (cpu.home, cpu.free, cpu.heir);
        for (lock, word) in locks.iter().zip(words) {
            let word = word.into_inner();
            let is_there = Frame::holds(base, word);
            memory.insert(*lock, if is_there { word - base as u64 + bottom } else { word });
        }
    }

    /// Executes one instruction.
    pub fn step(&mut self, memory: &mut Memory, stub: &Stub) -> Event {
        let instruction = &stub.instructions[&self.rip];
        assert_ne!(instruction.code(), Code::INVALID);
        self.rip = instruction.next_ip();
        let first = || self.operand(memory, instruction, 0);
        match instruction.mnemonic() {
            Mnemonic::Mov => {
                let word = self.operand(memory, instruction, 1);
                return self.store(memory, instruction, word);
            }
            Mnemonic::Lea => self.set(instruction.op0_register(), self.address(instruction)),
            Mnemonic::Add => {
                let word = first().wrapping_add(self.operand(memory, instruction, 1));
                return self.store(memory, instruction, word);
            }
            Mnemonic::Sub => {
                let word = first().wrapping_sub(self.operand(memory, instruction, 1));
                return self.store(memory, instruction, word);
            }
            Mnemonic::And => {
                let word = first() & self.operand(memory, instruction, 1);
                return self.store(memory, instruction, word);
            }
            Mnemonic::Cmp => {
                self.is_equal = Some(first() == self.operand(memory, instruction, 1));
            }
            Mnemonic::Test => self.is_equal = Some(first() == 0),
            Mnemonic::Je | Mnemonic::Jne => {
                let equal = self.is_equal.expect("branches on something");
                if equal == (instruction.mnemonic() == Mnemonic::Je) {
                    self.rip = instruction.near_branch_target();
                }
            }
            Mnemonic::Jmp => self.rip = instruction.near_branch_target(),
            Mnemonic::Push => {
                let word = first();
                self.push(memory, word);
            }
            Mnemonic::Pop => {
                let word = self.pop(memory);
                return self.store(memory, instruction, word);
            }
            Mnemonic::Call => return self.call(memory, instruction),
            Mnemonic::Ret => {
                self.rip = self.pop(memory);
                assert_eq!(self.rip, CALLER, "returns to its caller");
                return Event::Returned;
            }
            other => panic!("{other:?} in a stub"),
        }
        Event::Next
    }

    fn call(&mut self, memory: &mut Memory, instruction: &Instruction) -> Event {
        let target = self.operand(memory, instruction, 0);
        self.push(memory, instruction.next_ip());
        self.rip = target;
        match target.checked_sub(ENGINE) {
            Some(function) => Event::Engine(function as usize),
            None => {
                assert_eq!(target, ENTRY, "calls the callee");
                Event::Entered
            }
        }
    }
}

/// Writes a word.
fn write(memory: &mut Memory, address: u64, word: u64) -> Event {
    let before = memory.insert(address, word);
    Event::Wrote { address, word, before }
}

/// Whether a field of the block is one of the functions that stubs call.
fn slow(offset: usize) -> bool {
    let start = offset_of!(Cpu, slow);
    (start..start + size_of::<SlowPaths>()).contains(&offset)
}

/// Puts an object there, whose instance has this lock.
pub fn add_object(memory: &mut Memory, address: u64, lock: u64) {
    let entries = address + ENTRIES;
    memory.insert(entries, ENTRY);
    memory.insert(address + offset_of!(Object, entries) as u64, entries);
    memory.insert(address + offset_of!(Object, state) as u64, 0);
    memory.insert(address + offset_of!(Object, lock) as u64, lock);
}
