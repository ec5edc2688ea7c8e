//! Segments, the task state with its interrupt stacks, and the gates of all vectors.
//!
//! The order of segments is `sysret`'s. Every gate has an interrupt stack: precompiled Rust code uses the
//! red zone below its stack pointer, in the kernel too, and nothing may be pushed there.
#![expect(unsafe_code, reason = "tables that the processor reads")]

use core::{arch::asm, cell::UnsafeCell, mem::size_of};

use super::local::Local;
use crate::traps;

/// Selector of kernel code.
pub const KERNEL_CODE: u16 = 0x08;
/// Selector of kernel data.
pub const KERNEL_DATA: u16 = 0x10;
/// Selector of a domain's code; its data has the one before, as `sysret` wants it.
pub const USER_CODE: u16 = 0x20 | 3;
const TASK_STATE: u16 = 0x28;

/// Interrupts of devices, left before anything runs.
const INTERRUPT_STACK: u8 = 1;
/// Faults: a fault in kernel code may mean that there is no other stack.
const FAULT_STACK: u8 = 2;
/// One each for what can come at any instruction.
const DOUBLE_FAULT_STACK: u8 = 3;
const NON_MASKABLE_STACK: u8 = 4;
const MACHINE_CHECK_STACK: u8 = 5;
const DEBUG_STACK: u8 = 6;

const STACK_BYTES: usize = 16 * 1024;
const STACKS: usize = 6;

/// The processor's interrupt vectors that have a gate.
pub const VECTORS: usize = 192;

/// The interrupt stacks of one CPU, and behind them the stack that is in use where no thread runs.
#[repr(C, align(16))]
pub struct Stacks([[u8; STACK_BYTES]; STACKS + 1]);

/// The task state segment of long mode; it is not aligned (Intel SDM 3A, 8.7).
#[repr(C, packed)]
struct TaskState {
    reserved: u32,
    stacks: [u64; 3],
    reserved2: u64,
    interrupt_stacks: [u64; 7],
    reserved3: u64,
    reserved4: u16,
    ports: u16,
}

/// A gate: address, selector, stack, kind.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    low: u16,
    selector: u16,
    stack: u8,
    kind: u8,
    middle: u16,
    high: u32,
    reserved: u32,
}

#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: u64,
}

/// Segments and task state of one CPU.
struct Tables {
    segments: [u64; 7],
    task_state: TaskState,
}

/// The tables of one CPU, and its interrupt stacks.
pub struct Descriptors {
    tables: UnsafeCell<Tables>,
    stacks: *mut Stacks,
}

// SAFETY: written by `install`, on the CPU that they belong to, and by the processor.
unsafe impl Sync for Descriptors {}

impl Descriptors {
    /// Tables of a CPU that has the interrupt stacks at `stacks`.
    pub const fn new(stacks: *mut Stacks) -> Self {
        let tables = Tables {
            segments: [
                0,
                0x00af_9b00_0000_ffff,
                0x00cf_9300_0000_ffff,
                0x00cf_f300_0000_ffff,
                0x00af_fb00_0000_ffff,
                0,
                0,
            ],
            task_state: TaskState {
                reserved: 0,
                stacks: [0; 3],
                reserved2: 0,
                interrupt_stacks: [0; 7],
                reserved3: 0,
                reserved4: 0,
                // Beyond the segment's end: no port is open to code in domains.
                ports: size_of::<TaskState>() as u16,
            },
        };
        Descriptors { tables: UnsafeCell::new(tables), stacks }
    }
}

impl Descriptors {
    /// Top of the stack that is in use where no thread runs.
    pub fn stack_of_nobody(&self) -> u64 {
        self.stacks as u64 + size_of::<Stacks>() as u64
    }
}

struct GatesCell(UnsafeCell<[Gate; VECTORS]>);

// SAFETY: written once, by the CPU that boots, before others run.
unsafe impl Sync for GatesCell {}

/// The gates of all CPUs.
static GATES: GatesCell = GatesCell(UnsafeCell::new(
    [Gate { low: 0, selector: 0, stack: 0, kind: 0, middle: 0, high: 0, reserved: 0 }; VECTORS],
));

struct StacksCell(UnsafeCell<Stacks>);

// SAFETY: only the processor and what it enters use them.
unsafe impl Sync for StacksCell {}

static BOOT_STACKS: StacksCell =
    StacksCell(UnsafeCell::new(Stacks([[0; STACK_BYTES]; STACKS + 1])));

/// The interrupt stacks of the CPU that boots.
pub const fn boot_stacks() -> *mut Stacks {
    BOOT_STACKS.0.get()
}

/// Fills the gates. Once, before [`install`].
pub fn make_gates() {
    // SAFETY: called once, before anything else looks at the gates.
    let gates = unsafe { &mut *GATES.0.get() };
    for (vector, gate) in gates.iter_mut().enumerate() {
        *gate = gate_for(vector);
    }
}

/// Fills the tables of this CPU and makes the processor use them.
pub fn install(local: &'static Local) {
    let descriptors = &local.descriptors;
    // SAFETY: called once for each CPU, which alone uses its tables.
    let tables = unsafe { &mut *descriptors.tables.get() };
    let mut tops = [0; 7];
    for (index, top) in tops[..STACKS].iter_mut().enumerate() {
        let end = descriptors.stacks as u64 + ((index + 1) * STACK_BYTES) as u64;
        // For entries that cannot trust gs: the CPU stands above what the processor pushes.
        *top = end - 16;
        // SAFETY: the words are the stack's first, and the stacks this CPU's own.
        unsafe { (*top as *mut u64).write(core::ptr::from_ref(local) as u64) };
    }
    tables.task_state.interrupt_stacks = tops;
    let state = &raw const tables.task_state as u64;
    let limit = size_of::<TaskState>() as u64 - 1;
    tables.segments[5] =
        limit | (state & 0xff_ffff) << 16 | 0x89 << 40 | (state >> 24 & 0xff) << 56;
    tables.segments[6] = state >> 32;
    load(tables);
}

fn gate_for(vector: usize) -> Gate {
    let address = traps::entry_of(vector);
    let stack = match vector {
        1 => DEBUG_STACK,
        2 => NON_MASKABLE_STACK,
        8 => DOUBLE_FAULT_STACK,
        18 => MACHINE_CHECK_STACK,
        0..32 => FAULT_STACK,
        _ => INTERRUPT_STACK,
    };
    Gate {
        low: address as u16,
        selector: KERNEL_CODE,
        stack,
        // Present, interrupt gate; only the breakpoint can be raised by code in a domain.
        kind: if vector == 3 { 0xee } else { 0x8e },
        middle: (address >> 16) as u16,
        high: (address >> 32) as u32,
        reserved: 0,
    }
}

fn load(tables: &Tables) {
    let pointer = |base: u64, bytes: usize| Pointer { limit: bytes as u16 - 1, base };
    let segments = pointer(tables.segments.as_ptr() as u64, size_of_val(&tables.segments));
    let gates = pointer(GATES.0.get() as u64, size_of::<[Gate; VECTORS]>());
    // SAFETY: the table has the same first segments as the one in use, and is never moved.
    unsafe { asm!("lgdt [{}]", in(reg) &segments, options(nostack)) };
    // SAFETY: every gate leads to an entry of `traps`.
    unsafe { asm!("lidt [{}]", in(reg) &gates, options(nostack)) };
    // SAFETY: the descriptor describes the task state, which is never moved.
    unsafe { asm!("ltr {0:x}", in(reg) TASK_STATE, options(nostack)) };
    // SAFETY: the selectors are those of the new table.
    unsafe {
        asm!(
            "mov ss, {data:x}",
            "mov ds, {zero:x}",
            "mov es, {zero:x}",
            "push {code}",
            "lea {scratch}, [rip + 2f]",
            "push {scratch}",
            "retfq",
            "2:",
            data = in(reg) KERNEL_DATA,
            zero = in(reg) 0,
            code = in(reg) u64::from(KERNEL_CODE),
            scratch = out(reg) _,
        );
    }
}
