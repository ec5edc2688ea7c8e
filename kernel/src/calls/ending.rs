//! The ends of calls that do not return: faults, loops, and calls into what died.
#![expect(unsafe_code, reason = "leaves frames from anywhere")]

use warren_abi::call::SystemError;
use warren_engine::{
    death,
    platform::{REGION_BASE, REGION_BYTES},
    reference::{current, newest_frame},
    stub,
};

use super::{fast_path, gate};
use crate::{
    cpu::{block, interrupts, registers},
    memory::regions::REGIONS,
    natives,
    system::Kernel,
    threads::{self, Token},
    traps::frame::TrapFrame,
};

/// Room between what a frame's caller still needs and the stack on which its callee is ended.
const DISTANCE: u64 = 256;
/// The flag by which a frame says that interrupts were on.
const INTERRUPTS_ON: u64 = 0x200;

/// Where to end the server that was interrupted at `frame`, if it was one: a stack pointer of the thread's
/// kernel stack below which nothing is needed any more.
pub fn server_stack(frame: &TrapFrame) -> Option<u64> {
    if frame.is_users() {
        return Some(block::current().kernel_stack.get() & !15);
    }
    if !is_region(frame.rip) && !is_native(frame) {
        return None;
    }
    // SAFETY: the newest frame belongs to the running thread.
    let newest = unsafe { &*newest_frame::<Kernel>() };
    Some((fast_path::stack_of(newest, block::current().kernel_stack.get()) - DISTANCE) & !15)
}

/// Whether a native was interrupted while it used a buffer of its caller's: with interrupts on, and so
/// outside of any guarded value.
fn is_native(frame: &TrapFrame) -> bool {
    let preemptible = frame.rflags & INTERRUPTS_ON != 0;
    preemptible
        && threads::running_has_calls()
        && core::ptr::eq(current::<Kernel>(), natives::instance())
}

/// Answers a call that would nest too deeply: its stub has just touched the page behind the thread's
/// frames, in its first instruction, and goes back to its caller with an error.
pub fn refuse_deeper_call(frame: &mut TrapFrame) -> bool {
    // Stubs run with interrupts on, and so outside of any guarded value.
    let in_stub = !frame.is_users() && frame.rflags & INTERRUPTS_ON != 0;
    if !in_stub || !threads::is_behind_frames(registers::fault_address()) {
        return false;
    }
    // SAFETY: the first instruction of a stub that touches its frame finds the return address there, and leaves it.
    frame.rip = unsafe { (frame.rsp as *const u64).read() };
    frame.rsp += 8;
    frame.rax = SystemError::TooDeep.number();
    frame.rdx = 0;
    true
}

/// Whether an address lies in some server's region.
pub fn is_region(address: u64) -> bool {
    (REGION_BASE..REGION_BASE + REGIONS as u64 * REGION_BYTES).contains(&address)
}

/// Ends the running server for a reason, and goes on in its caller. With interrupts off, on a stack
/// that [`server_stack`] named.
pub fn end_server(reason: &str, address: Option<u64>, rip: u64) -> ! {
    let instance = current::<Kernel>();
    if core::ptr::eq(instance, natives::instance()) {
        // A native does not die of its caller's buffer.
        abort(SystemError::BadBuffer.number());
    }
    let offset = rip.wrapping_sub(instance.base);
    interrupts::enable();
    match address {
        Some(address) => death::die::<Kernel>(
            instance,
            format_args!("{reason} at {address:#x}, in its code at offset {offset:#x}"),
        ),
        None => death::die::<Kernel>(
            instance,
            format_args!("{reason}, in its code at offset {offset:#x}"),
        ),
    }
}

/// Leaves the newest frame with an error.
pub fn abort(error: u64) -> ! {
    interrupts::disable();
    let frame = newest_frame::<Kernel>();
    gate::uncross(frame);
    // SAFETY: the newest frame belongs to the running thread.
    fast_path::prepare_end(unsafe { &mut *frame });
    interrupts::enable();
    // SAFETY: the frame is the newest; its caller has let go of its lock, and what the
    // frame's platform words held is restored.
    unsafe { stub::leave(frame, error) }
}

/// Makes a thread that does not run leave its newest frame when it next does.
pub fn cut_off(token: Token) {
    let Some((frame, kernel_stack)) = threads::frame_of(token) else { return };
    // SAFETY: every thread has a frame below its first free one.
    let newest = unsafe { &*frame.wrapping_sub(1) };
    let caller = fast_path::stack_of(newest, kernel_stack);
    // SAFETY: below the caller's part of the stack lies only what belongs to the callee, which died.
    unsafe { threads::divert(token, caller - DISTANCE, leave_lost) };
}

/// Where a thread goes on that was cut off. With interrupts off.
extern "C" fn leave_lost() -> ! {
    leave_dead()
}

/// Goes on in the caller of the dead server that the thread is back in. With interrupts off.
pub fn leave_dead() -> ! {
    gate::uncross(newest_frame::<Kernel>());
    interrupts::enable();
    death::leave_dead::<Kernel>()
}
