//! The address space of servers: regions, what lies where in them, and who sees them.
//!
//! Numbers and names only, apart from [`crate::platform`], because the tool and the file's checks
//! need them without a machine.

use alloc::string::String;

/// Bytes of a page, the unit of every mapping.
pub const PAGE: u64 = 4096;

/// First address of region 0; region n follows n × [`REGION_BYTES`] later.
pub const REGION_BASE: u64 = 0x1000_0000_0000;
/// Length of a region.
pub const REGION_BYTES: u64 = 1 << 30;
/// Offset of the root state, and of the page with the table of requirements right before it.
pub const STATE_OFFSET: u64 = 16 << 20;
/// Offset of the heap.
pub const HEAP_OFFSET: u64 = 64 << 20;
/// Offset of mapped data spaces.
pub const MAPPING_OFFSET: u64 = 512 << 20;

/// Which space an instance runs in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// The engine's own space: the kernel, or the hosted process.
    Kernel,
    /// A domain that no other instance enters.
    Own,
    /// The domain with this name.
    Shared(String),
}

/// How pages may be used by the instance they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Text and stubs.
    ReadExecute,
    /// Constants, relocated data, the table of requirements.
    Read,
    /// State, heap.
    ReadWrite,
}
