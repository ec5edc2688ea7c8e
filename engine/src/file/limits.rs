//! What a server file may be at most.
//!
//! The numbers are far above what any server needs; they are there so that a file cannot cost more
//! than its bytes are worth: whatever is allocated for a file is bounded by them.

use crate::{
    space::{HEAP_OFFSET, PAGE, STATE_OFFSET},
    stub::STUB_BYTES,
};

/// Bytes of a file, debugging information included.
pub const FILE_BYTES: usize = 64 << 20;
/// Bytes from the start of the image to its end. The rest of the place before the root state is for stubs.
pub const IMAGE_BYTES: u64 = 8 << 20;
/// Loaded segments.
pub const SEGMENTS: usize = 16;
/// Entries of the table of dynamic symbols.
pub const SYMBOLS: usize = 4096;
/// Bytes of a symbol's name.
pub const SYMBOL_BYTES: usize = 512;
/// Relocations.
pub const RELOCATIONS: usize = 1 << 17;
/// Bytes of the description.
pub const DESCRIPTION_BYTES: usize = 256 << 10;
/// Services that the root provides and local servers, together.
pub const KINDS: usize = 64;
/// Functions of one service.
pub const FUNCTIONS: usize = 60;
/// Requirements: their table is one page.
pub const REQUIREMENTS: usize = PAGE as usize / 8;
/// Parameters.
pub const PARAMETERS: usize = 128;
/// Bytes of a name in the description.
pub const NAME_BYTES: usize = 64;
/// Bytes of the line that says what the server is.
pub const SUMMARY_BYTES: usize = 256;
/// Bytes of the root state.
pub const STATE_BYTES: u64 = HEAP_OFFSET - STATE_OFFSET;
/// Bytes of stack that a server may declare.
pub const STACK_BYTES: u32 = 1 << 20;

/// An image and a stub for each symbol fit before the table of requirements.
const _: () = assert!(IMAGE_BYTES + ((SYMBOLS + 1) * STUB_BYTES) as u64 <= STATE_OFFSET - PAGE);
