//! Memory: frames, page tables, the kernel's own half of the address space, regions and domains.
//!
//! | addresses | what |
//! | --- | --- |
//! | `0x1000_0000_0000` | regions of servers, 1 GiB each, in the tables of the domains that show them |
//! | [`DIRECT_MAP`] | all RAM, without execution |
//! | [`WINDOW`] | stacks and arrays of threads, registers of devices |
//! | [`REGION_VIEW`] | every region again, for the kernel only, whatever domain it belongs to |
//! | [`KERNEL_BASE`] | the kernel's image |

pub mod frames;
pub mod heap;
pub mod kernel_map;
pub mod regions;
pub mod tables;
pub mod user_stacks;

pub use kernel_map::{map_device, map_kernel_pages, unmap_kernel_pages};

pub use warren_engine::platform::Exhausted;

/// Bytes of a page and of a frame.
pub const PAGE: u64 = 4096;

/// Where physical address 0 is visible.
pub const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
/// Where the kernel maps things of its own.
pub const WINDOW: u64 = 0xffff_8080_0000_0000;
/// Where region 0 is visible to the kernel in every domain.
pub const REGION_VIEW: u64 = 0xffff_8100_0000_0000;
/// What the kernel's linked addresses and its physical ones differ by.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

/// Memory behind this physical address is left unused: the direct map has one top-level entry.
pub const MEMORY_LIMIT: u64 = 512 << 30;

/// Where a physical address in RAM is visible.
pub const fn direct(address: u64) -> u64 {
    DIRECT_MAP + address
}
