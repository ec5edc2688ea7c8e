//! What one tick of the processor's clock is.
#![expect(unsafe_code, reason = "only assembly has a known number of instructions")]

use core::arch::asm;

/// Rounds of the loop.
const ROUNDS: u64 = 100_000;
/// Times that it runs: whatever interrupts it only makes it longer.
const TRIES: u64 = 5;

/// Ticks for each thousand instructions of a loop of known length: 1000 where a tick is an instruction.
pub fn ticks_for_a_thousand() -> u64 {
    (0..TRIES).map(|_| once()).min().unwrap_or(0)
}

fn once() -> u64 {
    let start = warren::cycles();
    // SAFETY: the loop counts a register down and touches nothing else.
    unsafe {
        asm!(
            "2:",
            "dec {rounds}",
            "jnz 2b",
            rounds = inout(reg) ROUNDS => _,
            options(nomem, nostack),
        );
    }
    (warren::cycles() - start) * 1000 / (2 * ROUNDS)
}
