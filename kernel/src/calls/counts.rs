//! Counts of objects, which the fast path changes while kernel code on other CPUs may do the same.
//!
//! On one CPU an instruction that adds to memory is all that is needed. On several it has to be an atomic one: the prefix `ds`, which means
//! nothing there, becomes the prefix `lock`. That is the only atomic instruction on the path of a call.
#![expect(unsafe_code, reason = "text that is patched once")]

use crate::cpu::registers;

/// The prefix that makes an instruction atomic.
const LOCK: u8 = 0xf0;

unsafe extern "C" {
    static COUNT_SITES_START: [u64; 0];
    static COUNT_SITES_END: [u64; 0];
}

/// Makes the fast path count atomically. With interrupts off, before a second CPU runs any code of the kernel's but that by
/// which it starts.
pub fn make_atomic() {
    let start = &raw const COUNT_SITES_START as *const u64;
    let count = (&raw const COUNT_SITES_END as u64 - start as u64) / 8;
    // SAFETY: the linker script puts the list's ends around whole entries, which never change.
    let sites = unsafe { core::slice::from_raw_parts(start, count as usize) };
    let patch = || {
        for &site in sites {
            // SAFETY: every entry is the address of a prefix in the kernel's text, which nobody executes meanwhile.
            unsafe { (site as *mut u8).write(LOCK) };
        }
    };
    // SAFETY: interrupts are off, and only prefixes are written.
    unsafe { registers::without_write_protection(patch) };
}
