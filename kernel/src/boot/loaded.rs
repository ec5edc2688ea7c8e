//! What the loader left in memory.
#![expect(unsafe_code, reason = "reads physical memory")]

use warren_kernel::{archive::Archive, bytes::PhysicalBytes, information::Information};

use crate::{guarded::Guarded, memory::direct};

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
    let Ok(length) = usize::try_from(module.bytes()) else { return };
    let start = direct(module.start);
    let mapped = (start..start + module.bytes()).step_by(4096);
    if mapped.clone().any(|page| !crate::memory::kernel_map::is_mapped(page)) {
        return;
    }
    // SAFETY: the module's frames were never free, the direct map shows all of them, as just
    // checked, and nobody writes there.
    let bytes = unsafe { core::slice::from_raw_parts(start as *const u8, length) };
    ARCHIVE.with(|archive| *archive = bytes);
}

/// The boot archive; empty if none was loaded.
pub fn archive() -> Archive<'static> {
    Archive::new(ARCHIVE.with(|archive| *archive))
}
