//! What the loader left in memory.
#![expect(unsafe_code, reason = "reads physical memory")]

use warren_kernel::{archive::Archive, bytes::PhysicalBytes, information::Information};

use crate::{
    guarded::Guarded,
    memory::{MEMORY_LIMIT, PAGE, direct, kernel_map},
};

/// The boot tables show this much.
const BOOT_LIMIT: u64 = 4 << 30;

/// Physical memory as the boot tables show it.
pub struct BootMemory;

impl PhysicalBytes for BootMemory {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let end = address.checked_add(length as u64)?;
        if address == 0 || end > BOOT_LIMIT {
            return None;
        }
        // SAFETY: the boot tables map these addresses for reading, nobody writes there while boot code
        // decodes, and every bit pattern is a byte.
        Some(unsafe { core::slice::from_raw_parts(direct(address) as *const u8, length) })
    }
}

static ARCHIVE: Guarded<&[u8]> = Guarded::new(&[]);

/// Remembers the first module: the boot archive.
pub fn install(information: &Information) {
    let Some(module) = information.modules.entries().first() else { return };
    if module.end > MEMORY_LIMIT {
        return;
    }
    let (start, end) = (direct(module.start), direct(module.end));
    if (start..end).step_by(PAGE as usize).any(|page| !kernel_map::is_mapped(page)) {
        return;
    }
    let length = module.bytes() as usize;
    // SAFETY: the module's frames were never free, the direct map shows all of them, as just
    // checked, and nobody writes there.
    let bytes = unsafe { core::slice::from_raw_parts(start as *const u8, length) };
    ARCHIVE.with(|archive| *archive = bytes);
}

/// The boot archive; empty if none was loaded.
pub fn archive() -> Archive<'static> {
    Archive::new(ARCHIVE.with(|archive| *archive))
}
