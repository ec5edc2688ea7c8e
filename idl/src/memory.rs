//! Memory, where it comes from, and where it becomes visible.

use warren::{Cx, Mapping, Ref, Req, SystemError, errors, service};

/// Why memory was refused.
#[errors]
pub enum MemoryError {
    /// Not that much is left, for this principal or at all.
    Exhausted = 1,
    /// A length or an offset is not a multiple of the page, or is 0.
    Unaligned = 2,
    /// The range ends beyond the data space, or is no device's.
    OutOfRange = 3,
    /// The data space has no fixed physical address.
    NotPhysical = 4,
    /// No room in the instance's region.
    NoRoom = 5,
}

/// Contents of pages, wherever they are. Dropping the last reference and the last mapping frees it.
#[service(id = 0xda7a_0001)]
pub trait DataSpace {
    /// Its length in bytes, a multiple of the page.
    fn bytes(cx: &mut Cx<'_, Self>) -> Result<u64, MemoryError>;
    /// The physical address of its first byte, if it is contiguous and stays where it is.
    fn physical(cx: &mut Cx<'_, Self>) -> Result<u64, MemoryError>;
}

/// A source of memory.
#[service(id = 0xda7a_0002)]
pub trait Memory {
    /// Zeroed pages.
    fn anonymous<'f>(
        cx: &mut Cx<'f, Self>,
        bytes: u64,
    ) -> Result<Ref<'f, dyn DataSpace>, MemoryError>;
    /// Zeroed pages, physically contiguous and below 4 GiB, for devices.
    fn contiguous<'f>(
        cx: &mut Cx<'f, Self>,
        bytes: u64,
    ) -> Result<Ref<'f, dyn DataSpace>, MemoryError>;
}

/// Memory that outlives the server that uses it.
#[service(id = 0xda7a_0005)]
pub trait RecoveryBox {
    /// Its space: zeroes at first, and to the user's next life what the last one left. That one may have died of anything, so what is read is not trusted.
    fn space<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn DataSpace>, MemoryError>;
}

/// All of physical memory that is not RAM: the registers of devices.
#[service(id = 0xda7a_0003)]
pub trait PhysicalMemory {
    /// The device memory at a physical address, mapped without caching.
    fn window<'f>(
        cx: &mut Cx<'f, Self>,
        address: u64,
        bytes: u64,
    ) -> Result<Ref<'f, dyn DataSpace>, MemoryError>;
}

/// Makes data spaces visible in the region of the instance that calls.
#[service(id = 0xda7a_0004)]
pub trait AddressSpace {
    /// Maps a whole data space, readable and writable, and returns its address. The mapping
    /// keeps the data space alive and lasts until the instance ends.
    fn map<'f>(cx: &mut Cx<'f, Self>, space: Ref<'f, dyn DataSpace>) -> Result<u64, MemoryError>;
}

/// Maps a data space and returns the way to its bytes.
pub fn map_space<'f, S>(
    cx: &mut Cx<'f, S>,
    address_space: &Req<dyn AddressSpace>,
    space: Ref<'f, dyn DataSpace>,
) -> Result<Mapping, MemoryError> {
    let bytes = space.bytes(cx)?;
    let address = address_space.map(cx, space)?;
    Ok(Mapping::at(address, bytes).ok_or(SystemError::BadAnswer)?)
}
