//! What a virtio disk says of itself (virtio 1.2, section 5.2).
//!
//! It is believed as far as it cannot do harm: sizes are checked against what this side can serve.

use warren_virtio::transport::{FEATURE_MODERN, Refused, Registers, Transport};

use super::ring::DATA_BYTES;

const CONFIG_SECTORS: u32 = 0;
const CONFIG_SEGMENT_BYTES: u32 = 8;
const CONFIG_BLOCK_BYTES: u32 = 20;
/// Bytes of the disk's own registers that are used.
pub const CONFIG_BYTES: u32 = 24;

const FEATURE_SEGMENT_BYTES: u64 = 1 << 1;
const FEATURE_READ_ONLY: u64 = 1 << 5;
const FEATURE_BLOCK_BYTES: u64 = 1 << 6;
const FEATURE_FLUSH: u64 = 1 << 9;
/// Features that are used.
pub const FEATURES: u64 = FEATURE_SEGMENT_BYTES
    | FEATURE_READ_ONLY
    | FEATURE_BLOCK_BYTES
    | FEATURE_FLUSH
    | FEATURE_MODERN;

/// Bytes of a sector, the unit of the device's addresses whatever its block.
pub const SECTOR_BYTES: u32 = 512;

const BAD_BLOCKS: Refused = Refused::Impossible("its blocks have an impossible size");

/// What the device says of itself, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes of a block: a power of two from 512 to 4096.
    pub block_bytes: u32,
    /// Number of blocks.
    pub blocks: u64,
    /// Most bytes of one request: a multiple of the block.
    pub request_bytes: u32,
    /// Whether writing is refused.
    pub read_only: bool,
    /// Whether the device has a cache that can be flushed.
    pub can_flush: bool,
}

impl Geometry {
    /// Asks a device with which these features were agreed on.
    pub fn of<R: Registers + ?Sized>(
        device: &Transport<R>,
        features: u64,
    ) -> Result<Self, Refused> {
        let has = |feature| features & feature != 0;
        let block_bytes = match has(FEATURE_BLOCK_BYTES) {
            true => device.config32(CONFIG_BLOCK_BYTES),
            false => SECTOR_BYTES,
        };
        if !block_bytes.is_power_of_two() || !(SECTOR_BYTES..=4096).contains(&block_bytes) {
            return Err(BAD_BLOCKS);
        }
        let most = match has(FEATURE_SEGMENT_BYTES) {
            true => device.config32(CONFIG_SEGMENT_BYTES).min(DATA_BYTES as u32),
            false => DATA_BYTES as u32,
        };
        let request_bytes = most - most % block_bytes;
        if request_bytes == 0 {
            return Err(BAD_BLOCKS);
        }
        Ok(Geometry {
            block_bytes,
            blocks: sectors(device)? / u64::from(block_bytes / SECTOR_BYTES),
            request_bytes,
            read_only: has(FEATURE_READ_ONLY),
            can_flush: has(FEATURE_FLUSH),
        })
    }
}

/// The capacity. At most `i64::MAX` bytes are believed, so that no product of sectors and bytes overflows.
fn sectors<R: Registers + ?Sized>(device: &Transport<R>) -> Result<u64, Refused> {
    let (low, high) = device.config(|registers| {
        (registers.config32(CONFIG_SECTORS), registers.config32(CONFIG_SECTORS + 4))
    })?;
    let sectors = u64::from(high) << 32 | u64::from(low);
    let most = i64::MAX as u64 / u64::from(SECTOR_BYTES);
    if sectors <= most { Ok(sectors) } else { Err(BAD_BLOCKS) }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use warren_virtio::QueuePlace;

    use super::*;

    /// A disk that says so of itself.
    struct Disk {
        capacity: u64,
        segment_bytes: u32,
        block_bytes: u32,
        status: u8,
        /// Changes as long as this is not 0.
        restless: core::cell::Cell<u32>,
    }

    impl Registers for Disk {
        fn offered(&mut self) -> u64 {
            FEATURES
        }
        fn accept(&mut self, _: u64) {}
        fn status(&self) -> u8 {
            self.status
        }
        fn set_status(&mut self, status: u8) {
            self.status = status;
        }
        fn generation(&self) -> u32 {
            self.restless.set(self.restless.get().saturating_sub(1));
            self.restless.get()
        }
        fn config8(&self, _: u32) -> u8 {
            unreachable!("a disk's registers are read as words")
        }
        fn config32(&self, register: u32) -> u32 {
            match register {
                CONFIG_SECTORS => self.capacity as u32,
                CONFIG_SEGMENT_BYTES => self.segment_bytes,
                CONFIG_BLOCK_BYTES => self.block_bytes,
                _ => (self.capacity >> 32) as u32,
            }
        }
        fn enable_queue(&mut self, _: u16, _: &QueuePlace) -> Result<(), Refused> {
            Ok(())
        }
        fn ring_doorbell(&mut self, _: u16) {}
        fn interrupt_by(&mut self, _: u16, _: u16) {}
        fn acknowledge(&mut self) {}
    }

    fn disk() -> Disk {
        let restless = core::cell::Cell::new(0);
        Disk { capacity: 2048, segment_bytes: 10_000, block_bytes: 4096, status: 0, restless }
    }

    fn geometry(disk: Disk, features: u64) -> Result<Geometry, Refused> {
        Geometry::of(&Transport::new(Box::new(disk)).unwrap(), features)
    }

    #[test]
    fn what_the_device_says_of_itself_is_taken_over() {
        let expected = Geometry {
            block_bytes: 4096,
            blocks: 256,
            request_bytes: 8192,
            read_only: true,
            can_flush: true,
        };
        assert_eq!(geometry(disk(), FEATURES), Ok(expected));
    }

    #[test]
    fn what_the_device_does_not_offer_has_its_default() {
        let expected = Geometry {
            block_bytes: 512,
            blocks: 2048,
            request_bytes: DATA_BYTES as u32,
            read_only: false,
            can_flush: false,
        };
        assert_eq!(geometry(disk(), FEATURE_MODERN), Ok(expected));
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for disk in [
            Disk { block_bytes: 513, ..disk() },
            Disk { block_bytes: 8192, ..disk() },
            Disk { segment_bytes: 4095, ..disk() },
            Disk { capacity: 1 << 60, ..disk() },
        ] {
            assert_eq!(geometry(disk, FEATURES), Err(BAD_BLOCKS));
        }
    }

    #[test]
    fn a_capacity_that_changes_is_read_until_it_rests() {
        let restless = core::cell::Cell::new(7);
        assert_eq!(geometry(Disk { restless, ..disk() }, FEATURES).unwrap().blocks, 256);
        let restless = core::cell::Cell::new(u32::MAX);
        assert_eq!(geometry(Disk { restless, ..disk() }, FEATURES), Err(Refused::Mute));
    }
}
