//! The end of the kernel: a message, registers, who called whom, and the machine stops.
//!
//! Nothing here uses a guarded value: the panic may have come from inside one.
#![expect(unsafe_code, reason = "the handler that the language asks for, and a walk up the stack")]

use core::{
    fmt::{Arguments, Write},
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    cpu::{self, interrupts, local_apic, registers},
    machine,
    memory::{PAGE, kernel_map},
    serial::{COM1, COM2, Serial},
    threads,
    traps::{faults, frame::TrapFrame},
};

/// What the host sees as the exit status is this, doubled, and one.
pub const PANIC_CODE: u8 = 50;

/// Words of the stack that are searched for return addresses.
const STACK_WORDS: usize = 512;
const ADDRESSES: usize = 24;

static PANICKING: AtomicBool = AtomicBool::new(false);

/// Whether the kernel has given up: every other CPU stops then.
pub fn is_panicking() -> bool {
    PANICKING.load(Ordering::Relaxed)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let here = 0u64;
    end(&raw const here as u64, format_args!("{info}"))
}

/// A fault in the kernel's own code.
pub fn fault(frame: &TrapFrame) -> ! {
    let address = registers::fault_address();
    let name = faults::name(frame.vector);
    end(frame.rsp, format_args!("{name} in the kernel, address {address:#x}\n{frame}"))
}

fn end(stack: u64, message: Arguments<'_>) -> ! {
    interrupts::forbid();
    if PANICKING.swap(true, Ordering::Relaxed) {
        machine::exit(PANIC_CODE);
    }
    if cpu::count() > 1 {
        local_apic::send_non_maskable_to_others();
    }
    if let Some(mut port) = Serial::find(COM2).or_else(|| Serial::find(COM1)) {
        // A serial port does not fail.
        let _ = writeln!(port, "\nkernel panic on CPU {}: {message}", cpu::number());
        let _ = backtrace(&mut port, stack);
        threads::write_calls(&mut port);
    }
    machine::exit(PANIC_CODE)
}

/// Everything on the stack that looks like a return address.
fn backtrace(port: &mut Serial, stack: u64) -> core::fmt::Result {
    let text = kernel_map::text();
    // After an overflow the stack starts in the page above.
    let overflown = !kernel_map::is_mapped(stack);
    let stack = if overflown { stack.next_multiple_of(PAGE) } else { stack };
    let mut left = ADDRESSES;
    write!(port, "stack:")?;
    for word in 0..STACK_WORDS as u64 {
        let address = (stack & !7) + word * 8;
        if left == 0 || !kernel_map::is_mapped(address) {
            break;
        }
        // SAFETY: the address lies in a mapped stack.
        let value = unsafe { (address as *const u64).read_volatile() };
        if text.contains(&value) {
            write!(port, " {value:x}")?;
            left -= 1;
        }
    }
    writeln!(port)
}
