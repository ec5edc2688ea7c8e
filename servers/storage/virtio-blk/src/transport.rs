//! Starting, stopping and ringing a virtio device by its registers (virtio 1.2, sections 3.1 and 4.1.4).
//!
//! The device's registers are believed as far as they cannot do harm: sizes are checked against what this
//! side can serve, waiting for the device is bounded.

use super::{
    capability::{Places, Range},
    ring::{AVAILABLE, DATA_BYTES, DESCRIPTORS, QUEUE_ENTRIES, USED},
    window::Window,
};

const FEATURE_SELECT: u32 = 0;
const FEATURE: u32 = 4;
const ACCEPT_SELECT: u32 = 8;
const ACCEPT: u32 = 12;
const STATUS: u32 = 20;
const GENERATION: u32 = 21;
const QUEUE_SELECT: u32 = 22;
const QUEUE_SIZE: u32 = 24;
const QUEUE_ENABLE: u32 = 28;
const QUEUE_NOTIFY: u32 = 30;
const QUEUE_DESCRIPTORS: u32 = 32;
const QUEUE_AVAILABLE: u32 = 40;
const QUEUE_USED: u32 = 48;
const COMMON_BYTES: u32 = 56;

const CONFIG_SECTORS: u32 = 0;
const CONFIG_SEGMENT_BYTES: u32 = 8;
const CONFIG_BLOCK_BYTES: u32 = 20;
const CONFIG_BYTES: u32 = 24;

const STATUS_FOUND: u8 = 1;
const STATUS_DRIVER: u8 = 2;
const STATUS_RUNNING: u8 = 4;
const STATUS_FEATURES: u8 = 8;

const FEATURE_SEGMENT_BYTES: u64 = 1 << 1;
const FEATURE_READ_ONLY: u64 = 1 << 5;
const FEATURE_BLOCK_BYTES: u64 = 1 << 6;
const FEATURE_FLUSH: u64 = 1 << 9;
const FEATURE_MODERN: u64 = 1 << 32;
const FEATURES: u64 = FEATURE_SEGMENT_BYTES
    | FEATURE_READ_ONLY
    | FEATURE_BLOCK_BYTES
    | FEATURE_FLUSH
    | FEATURE_MODERN;

/// How often a register is read before a device that does not react is given up.
const PATIENCE: usize = 1_000_000;

/// Bytes of a sector, the unit of the device's addresses whatever its block.
pub const SECTOR_BYTES: u32 = 512;

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

/// Why a device cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A group of registers reaches beyond the mapping.
    Registers,
    /// It does not answer to a reset.
    Mute,
    /// It does not speak virtio 1.
    Legacy,
    /// Its queue is too short.
    Queue,
    /// Its blocks have an impossible size.
    Blocks,
}

impl Refused {
    /// One line for people.
    pub fn message(self) -> &'static str {
        match self {
            Refused::Registers => "its registers lie outside of its memory",
            Refused::Mute => "it does not answer to a reset",
            Refused::Legacy => "it does not speak virtio 1",
            Refused::Queue => "its queue is too short",
            Refused::Blocks => "its blocks have an impossible size",
        }
    }
}

/// The registers of one device.
pub struct Transport<W> {
    registers: W,
    places: Places,
    /// Physical address of the ring's memory.
    base: u64,
    /// Offset of the queue's doorbell.
    doorbell: usize,
}

impl<W: Window> Transport<W> {
    /// Takes the registers, which are `bytes` long, and resets the device. `base` is the physical
    /// address of the ring's memory.
    pub fn new(registers: W, bytes: u64, places: Places, base: u64) -> Result<Self, Refused> {
        let fits = |range: Range, needed: u32| {
            let end = u64::from(range.offset) + u64::from(needed);
            range.bytes >= needed && end <= bytes && range.offset.is_multiple_of(4)
        };
        let Places { common, notify, interrupt, device, .. } = places;
        let interrupt_fits = u64::from(interrupt.offset) < bytes && interrupt.bytes >= 1;
        if !fits(common, COMMON_BYTES) || !fits(device, CONFIG_BYTES) || !interrupt_fits {
            return Err(Refused::Registers);
        }
        let mut transport = Transport { registers, places, base, doorbell: 0 };
        transport.reset()?;
        transport.write16(QUEUE_SELECT, 0);
        let stride = u64::from(places.notify_stride);
        let doorbell = u64::from(transport.read16(QUEUE_NOTIFY)) * stride;
        let end = u64::from(notify.offset) + doorbell + 2;
        if doorbell + 2 > u64::from(notify.bytes) || end > bytes || !end.is_multiple_of(2) {
            return Err(Refused::Registers);
        }
        transport.doorbell = (end - 2) as usize;
        Ok(transport)
    }

    /// Stops the device. Afterwards it touches no memory.
    pub fn reset(&mut self) -> Result<(), Refused> {
        self.set_status(0);
        (0..PATIENCE).find(|_| self.status() == 0).map(|_| ()).ok_or(Refused::Mute)
    }

    /// Starts a device that was reset, with an empty ring.
    pub fn start(&mut self) -> Result<Geometry, Refused> {
        self.set_status(STATUS_FOUND);
        self.set_status(STATUS_FOUND | STATUS_DRIVER);
        let features = self.features() & FEATURES;
        if features & FEATURE_MODERN == 0 {
            return Err(Refused::Legacy);
        }
        self.accept(features);
        let agreed = STATUS_FOUND | STATUS_DRIVER | STATUS_FEATURES;
        self.set_status(agreed);
        if self.status() & STATUS_FEATURES == 0 {
            return Err(Refused::Legacy);
        }
        let geometry = self.geometry(features)?;
        self.enable_queue()?;
        self.set_status(agreed | STATUS_RUNNING);
        Ok(geometry)
    }

    /// Tells the device that there are new requests.
    pub fn ring_doorbell(&mut self) {
        self.registers.write16(self.doorbell, 0);
    }

    /// Takes the interrupt back, so that the line can be opened again.
    pub fn acknowledge(&mut self) {
        self.registers.read8(self.places.interrupt.offset as usize);
    }

    fn enable_queue(&mut self) -> Result<(), Refused> {
        self.write16(QUEUE_SELECT, 0);
        if self.read16(QUEUE_SIZE) < QUEUE_ENTRIES {
            return Err(Refused::Queue);
        }
        self.write16(QUEUE_SIZE, QUEUE_ENTRIES);
        self.write64(QUEUE_DESCRIPTORS, self.base + DESCRIPTORS as u64);
        self.write64(QUEUE_AVAILABLE, self.base + AVAILABLE as u64);
        self.write64(QUEUE_USED, self.base + USED as u64);
        self.write16(QUEUE_ENABLE, 1);
        Ok(())
    }

    /// What the device offers; the upper and the lower half are read one after the other.
    fn features(&mut self) -> u64 {
        self.write32(FEATURE_SELECT, 0);
        let low = self.common32(FEATURE);
        self.write32(FEATURE_SELECT, 1);
        u64::from(self.common32(FEATURE)) << 32 | u64::from(low)
    }

    fn accept(&mut self, features: u64) {
        self.write32(ACCEPT_SELECT, 0);
        self.write32(ACCEPT, features as u32);
        self.write32(ACCEPT_SELECT, 1);
        self.write32(ACCEPT, (features >> 32) as u32);
    }

    fn geometry(&self, features: u64) -> Result<Geometry, Refused> {
        let has = |feature| features & feature != 0;
        let block_bytes = match has(FEATURE_BLOCK_BYTES) {
            true => self.config32(CONFIG_BLOCK_BYTES),
            false => SECTOR_BYTES,
        };
        if !block_bytes.is_power_of_two() || !(SECTOR_BYTES..=4096).contains(&block_bytes) {
            return Err(Refused::Blocks);
        }
        let most = match has(FEATURE_SEGMENT_BYTES) {
            true => self.config32(CONFIG_SEGMENT_BYTES).min(DATA_BYTES as u32),
            false => DATA_BYTES as u32,
        };
        let request_bytes = most - most % block_bytes;
        if request_bytes == 0 {
            return Err(Refused::Blocks);
        }
        Ok(Geometry {
            block_bytes,
            blocks: self.sectors()? / u64::from(block_bytes / SECTOR_BYTES),
            request_bytes,
            read_only: has(FEATURE_READ_ONLY),
            can_flush: has(FEATURE_FLUSH),
        })
    }

    /// Both halves of the capacity, of the same moment. At most `i64::MAX` bytes are believed, so
    /// that no product of sectors and bytes overflows.
    fn sectors(&self) -> Result<u64, Refused> {
        for _ in 0..PATIENCE {
            let before = self.common8(GENERATION);
            let low = self.config32(CONFIG_SECTORS);
            let high = self.config32(CONFIG_SECTORS + 4);
            if self.common8(GENERATION) == before {
                let sectors = u64::from(high) << 32 | u64::from(low);
                let most = i64::MAX as u64 / u64::from(SECTOR_BYTES);
                return if sectors <= most { Ok(sectors) } else { Err(Refused::Blocks) };
            }
        }
        Err(Refused::Mute)
    }

    fn status(&self) -> u8 {
        self.common8(STATUS)
    }

    fn set_status(&mut self, status: u8) {
        self.registers.write8(self.common(STATUS), status);
    }

    fn common(&self, register: u32) -> usize {
        (self.places.common.offset + register) as usize
    }

    fn common8(&self, register: u32) -> u8 {
        self.registers.read8(self.common(register))
    }

    fn read16(&self, register: u32) -> u16 {
        self.registers.read16(self.common(register))
    }

    fn common32(&self, register: u32) -> u32 {
        self.registers.read32(self.common(register))
    }

    fn config32(&self, register: u32) -> u32 {
        self.registers.read32((self.places.device.offset + register) as usize)
    }

    fn write16(&mut self, register: u32, value: u16) {
        self.registers.write16(self.common(register), value);
    }

    fn write32(&mut self, register: u32, value: u32) {
        self.registers.write32(self.common(register), value);
    }

    fn write64(&mut self, register: u32, value: u64) {
        self.registers.write64(self.common(register), value);
    }
}

#[cfg(test)]
mod tests;
