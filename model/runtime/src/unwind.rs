//! The way out of an activation that panicked, in servers that survive that.
//!
//! The compiler's landing pads end in `_Unwind_Resume`; the panic handler begins with `warren_unwind_begin`. Both put
//! down the registers of their caller, of which [`warren_unwind`] finds out where to go on: in the next landing pad,
//! or behind the entry of the activation, which then has returned with [`SystemError::Panicked`].
//!
//! Nothing else is needed: locks, temporaries and frames of the activation end as by any other return.
#![expect(unsafe_code, reason = "registers, and tables that the linker places")]

use core::ops::Range;

use warren::{SystemError, raw::calls};
use warren_unwind::{Image, Landing, Registers};

unsafe extern "C-unwind" {
    /// Leaves the activation, and says so in the log with a text. Returns if there is no way.
    #[link_name = "warren_unwind_begin"]
    fn begin(text: *const u8, bytes: usize);
}

unsafe extern "C" {
    /// Goes on with these registers; rax holds the error and rdx is 0.
    #[link_name = "warren_unwind_land"]
    fn land(registers: *const Registers, error: u64) -> !;
}

// Defined by the linker script; only their addresses mean something.
unsafe extern "C" {
    #[link_name = "warren_text_start"]
    static TEXT_START: [u8; 0];
    #[link_name = "warren_text_end"]
    static TEXT_END: [u8; 0];
    #[link_name = "warren_frames_start"]
    static FRAMES_START: [u8; 0];
    #[link_name = "warren_frames_end"]
    static FRAMES_END: [u8; 0];
    #[link_name = "warren_pads_start"]
    static PADS_START: [u8; 0];
    #[link_name = "warren_pads_end"]
    static PADS_END: [u8; 0];
}

// What `begin` and `_Unwind_Resume` put down is a `Registers`, whose address comes first, and then their own arguments.
// rdx is 0 for a landing pad too, where it would be the kind of a handler.
core::arch::global_asm!(
    ".macro hidden name",
    ".pushsection .text.\\name, \"ax\", @progbits",
    ".globl \\name",
    ".hidden \\name",
    ".type \\name, @function",
    "\\name:",
    ".endm",
    ".macro end name",
    ".size \\name, . - \\name",
    ".popsection",
    ".endm",
    ".macro put_down",
    "lea rax, [rsp + 8]",
    "push [rsp]",
    "push rax",
    "push r15",
    "push r14",
    "push r13",
    "push r12",
    "push rbp",
    "push rbx",
    ".endm",
    "hidden warren_unwind_begin",
    "put_down",
    "mov rdx, rsi",
    "mov rsi, rdi",
    "mov rdi, rsp",
    "sub rsp, 8",
    "call {begun}",
    "add rsp, {frame}",
    "ret",
    "end warren_unwind_begin",
    "hidden _Unwind_Resume",
    "put_down",
    "mov rdi, rsp",
    "sub rsp, 8",
    "call {resumed}",
    "ud2",
    "end _Unwind_Resume",
    "hidden warren_unwind_land",
    "mov rbx, [rdi]",
    "mov rbp, [rdi + 8]",
    "mov r12, [rdi + 16]",
    "mov r13, [rdi + 24]",
    "mov r14, [rdi + 32]",
    "mov r15, [rdi + 40]",
    // Once the stack ends above them, an interrupt may overwrite what is still to be read of them.
    "mov rcx, [rdi + 56]",
    "mov rsp, [rdi + 48]",
    "mov rax, rsi",
    "xor edx, edx",
    "jmp rcx",
    "end warren_unwind_land",
    // Landing pads name it; whose they are is known without it.
    "hidden rust_eh_personality",
    "ud2",
    "end rust_eh_personality",
    ".purgem hidden",
    ".purgem end",
    ".purgem put_down",
    begun = sym begun,
    resumed = sym resumed,
    frame = const size_of::<Registers>() + 8,
);

/// Leaves the activation, and says so in the log. Returns if there is no way.
pub fn leave(text: &[u8]) {
    // SAFETY: called in an activation; the text is as long as it says.
    unsafe { begin(text.as_ptr(), text.len()) };
}

/// Called by `begin` with what its caller has in registers, and with its arguments.
unsafe extern "C" fn begun(registers: &Registers, text: *const u8, bytes: usize) {
    // SAFETY: the registers were just put down, in an activation of this server.
    if unsafe { image().lets_through(*registers) } {
        // SAFETY: the text is as long as it says.
        unsafe { calls::panicked(text, bytes) };
        go_on(registers);
    }
}

/// Called by `_Unwind_Resume`, at the end of a landing pad, with what the pad has in registers.
unsafe extern "C" fn resumed(registers: &Registers) -> ! {
    go_on(registers);
    const MESSAGE: &[u8] = b"the way out of a panic is blocked";
    // SAFETY: this is an activation, and the text is as long as it says.
    unsafe { calls::panic(MESSAGE.as_ptr(), MESSAGE.len()) }
}

/// Goes to the next landing pad, or out. Returns if there is no way.
fn go_on(registers: &Registers) {
    // SAFETY: the registers were just put down, in an activation of this server.
    match unsafe { image().next(*registers) } {
        None => (),
        // SAFETY: the registers are those of the pad's function at its call. A pad takes the panic's address
        // in rax, and passes it on to `_Unwind_Resume`, which does not look at it.
        Some(Landing::Pad(pad)) => unsafe { land(&raw const pad, 0) },
        // SAFETY: the registers are those of whoever called the entry, as they are when it returns.
        Some(Landing::Out(out)) => unsafe { land(&raw const out, SystemError::Panicked.number()) },
    }
}

/// This server's own tables.
fn image() -> Image<'static> {
    let text = range(&raw const TEXT_START, &raw const TEXT_END);
    let frames = range(&raw const FRAMES_START, &raw const FRAMES_END);
    let pads = range(&raw const PADS_START, &raw const PADS_END);
    // SAFETY: the linker script puts both symbols around a section that is mapped read-only for good.
    let frames = unsafe { bytes(frames) };
    // SAFETY: as above.
    let pads = unsafe { bytes(pads) };
    Image { text, frames, pads }
}

fn range(start: *const [u8; 0], end: *const [u8; 0]) -> Range<usize> {
    start.expose_provenance()..end.expose_provenance()
}

/// The bytes in a range of addresses.
///
/// # Safety
///
/// They can be read and do not change.
unsafe fn bytes(range: Range<usize>) -> &'static [u8] {
    let start = core::ptr::with_exposed_provenance(range.start);
    // SAFETY: as promised by the caller.
    unsafe { core::slice::from_raw_parts(start, range.len()) }
}
