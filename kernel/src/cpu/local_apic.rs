//! The local APIC: the timer, and the end of each interrupt.
#![expect(unsafe_code, reason = "device registers")]

use core::sync::atomic::{AtomicU64, Ordering};

use super::{local, registers};
use crate::memory::{self, Exhausted};

/// Vector of the timer.
pub const TIMER_VECTOR: u8 = 0x70;
/// Vector by which other CPUs ask for something.
pub const REQUEST_VECTOR: u8 = 0x71;
/// Vector of interrupts that vanished before they were delivered.
pub const SPURIOUS_VECTOR: u8 = 0x7f;

const ID: u64 = 0x20;
const TASK_PRIORITY: u64 = 0x80;
const END: u64 = 0xb0;
const SPURIOUS: u64 = 0xf0;
const COMMAND: u64 = 0x300;
const DESTINATION: u64 = 0x310;
const TIMER: u64 = 0x320;
const LINE0: u64 = 0x350;
const LINE1: u64 = 0x360;
const INITIAL_COUNT: u64 = 0x380;
const CURRENT_COUNT: u64 = 0x390;
const DIVISOR: u64 = 0x3e0;

const NON_MASKABLE: u32 = 4 << 8;
const INIT: u32 = 5 << 8;
const START_UP: u32 = 6 << 8;
const ASSERTED: u32 = 1 << 14;
const ALL_OTHERS: u32 = 3 << 18;
/// The command before is still on its way.
const IS_SENT: u32 = 1 << 12;

const MASKED: u32 = 1 << 16;
const NO_DIVISION: u32 = 0b1011;
const ENABLED: u32 = 1 << 8;

/// Where the registers are mapped; L1: set once by `install`, to a page of device memory.
static REGISTERS: AtomicU64 = AtomicU64::new(0);

/// Maps the registers at `address`, where every CPU finds its own, and switches on that of the CPU that boots.
pub fn install(address: u64) -> Result<(), Exhausted> {
    mask_legacy_controllers();
    REGISTERS.store(memory::map_device(address, 4096)?, Ordering::Relaxed);
    enable();
    local::BOOT.apic.store(id(), Ordering::Relaxed);
    Ok(())
}

/// Switches this CPU's APIC on, with every source masked.
pub fn enable() {
    let base = registers::read_msr(registers::APIC_BASE);
    // SAFETY: sets the bit that switches the APIC on, at the address where it is.
    unsafe { registers::write_msr(registers::APIC_BASE, base | 1 << 11) };
    write(TASK_PRIORITY, 0);
    for source in [TIMER, LINE0, LINE1] {
        write(source, MASKED);
    }
    write(SPURIOUS, ENABLED | u32::from(SPURIOUS_VECTOR));
}

/// Moves the two 8259 controllers away from the processor's own vectors, and masks them for good.
fn mask_legacy_controllers() {
    for (port, value) in [
        (0x20, 0x11),
        (0xa0, 0x11),
        (0x21, 0x20),
        (0xa1, 0x28),
        (0x21, 4),
        (0xa1, 2),
        (0x21, 1),
        (0xa1, 1),
        (0x21, 0xff),
        (0xa1, 0xff),
    ] {
        // SAFETY: interrupts are off, and afterwards these controllers never raise one.
        unsafe { registers::write_port8(port, value) };
    }
}

/// This CPU's number, as interrupt controllers know it.
pub fn id() -> u8 {
    (read(ID) >> 24) as u8
}

/// Lets the timer count down once from its highest value, without an interrupt.
pub fn count_down() {
    write(DIVISOR, NO_DIVISION);
    write(TIMER, MASKED);
    write(INITIAL_COUNT, u32::MAX);
}

/// How far the timer has counted since [`count_down`].
pub fn counted() -> u64 {
    u64::from(u32::MAX - read(CURRENT_COUNT))
}

/// Lets the timer interrupt by [`TIMER_VECTOR`] once each time it is set.
pub fn open_timer() {
    write(TIMER, u32::from(TIMER_VECTOR));
}

/// Interrupts once, after so many counts of the timer; in place of an interrupt that was to come.
pub fn interrupt_after(counts: u64) {
    // 0 would stop it.
    write(INITIAL_COUNT, u32::try_from(counts).unwrap_or(u32::MAX).max(1));
}

/// Lets another CPU, by the number of its local APIC, begin anew, and wait for [`send_start_up`].
pub fn send_init(apic: u8) {
    send(apic, INIT | ASSERTED);
}

/// Lets a CPU that waits begin in page `page` of memory.
pub fn send_start_up(apic: u8, page: u8) {
    send(apic, START_UP | ASSERTED | u32::from(page));
}

/// Interrupts another CPU by [`REQUEST_VECTOR`].
pub fn send_request(apic: u8) {
    send(apic, ASSERTED | u32::from(REQUEST_VECTOR));
}

/// Interrupts all other CPUs where nothing can be forbidden.
pub fn send_non_maskable_to_others() {
    send(0, NON_MASKABLE | ASSERTED | ALL_OTHERS);
}

fn send(apic: u8, command: u32) {
    while read(COMMAND) & IS_SENT != 0 {
        core::hint::spin_loop();
    }
    write(DESTINATION, u32::from(apic) << 24);
    write(COMMAND, command);
}

/// Says that the interrupt that is being handled is done with.
pub fn end_interrupt() {
    write(END, 0);
}

fn read(register: u64) -> u32 {
    let address = REGISTERS.load(Ordering::Relaxed) + register;
    // SAFETY: the register lies in the mapped page (L1).
    unsafe { (address as *const u32).read_volatile() }
}

fn write(register: u64, value: u32) {
    let address = REGISTERS.load(Ordering::Relaxed) + register;
    // SAFETY: the register lies in the mapped page (L1); none of them makes the APIC write memory.
    unsafe { (address as *mut u32).write_volatile(value) };
}
