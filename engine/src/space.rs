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
/// Where in a region its instance starts, at most ([`base_of`]), in pages: a power of two.
const BASES: u64 = 256;
/// From the base of an instance to the end of what is its own, wherever in its region it starts.
pub const INSTANCE_BYTES: u64 = REGION_BYTES - BASES * PAGE;
/// Offset of the root state, and of the page with the table of requirements right before it. Offsets are no multiples of the same powers of two, for the
/// reason why bases are not.
pub const STATE_OFFSET: u64 = (16 << 20) + 64 * PAGE;
/// Offset of the heap.
pub const HEAP_OFFSET: u64 = (64 << 20) + 128 * PAGE;
/// Offset of mapped data spaces.
pub const MAPPING_OFFSET: u64 = (512 << 20) + 192 * PAGE;

/// Where the instance in a region starts.
///
/// A processor finds what it knows of a page by the lowest bits of the page's number, and has room for few pages whose bits are alike. If all servers started
/// at the same place of their regions, what each of them uses most would push out what the others do. So neighbours start far apart: about the golden section of all places.
pub const fn base_of(region: u64) -> u64 {
    REGION_BASE + region * REGION_BYTES + region * 157 % BASES * PAGE
}

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
