//! The processor's own clock.
#![expect(unsafe_code, reason = "the instruction is only reached by an intrinsic")]

/// The time-stamp counter: cycles, or what the processor counts in their place.
///
/// Under QEMU's `-icount shift=0` it counts instructions. It says nothing about when something happened:
/// for that there is a clock.
#[inline]
pub fn cycles() -> u64 {
    // SAFETY: the instruction reads a register that no platform forbids.
    unsafe { core::arch::x86_64::_rdtsc() }
}
