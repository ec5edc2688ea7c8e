//! The functions that compiled code calls without having written them.
//!
//! The compiler takes `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp` and `strlen` for granted, and the
//! precompiled `core` names two functions of an unwinder. Kernel and server files link no C library, so
//! they find them here, hidden: a file neither exports nor imports them.
//!
//! They are assembly because a loop in Rust would be compiled to a call of the very function that it
//! is in. They copy 32 bytes a round through two SSE registers, and from 512 bytes on, as are blocks of files and pieces of
//! streams, by the processor's own instruction for that, which takes a while to start. They fill 64, because buffers that servers read files into are long, too.
#![no_std]
#![expect(unsafe_code, reason = "assembly")]

mod memory {
    core::arch::global_asm!(include_str!("memory.s"), options(att_syntax));
}

// What unwinds has an unwinder: the runtime of a server that survives panics, the standard library in tests on a host.
#[cfg(panic = "abort")]
mod unwinder {
    core::arch::global_asm!(include_str!("unwinder.s"), options(att_syntax));
}
