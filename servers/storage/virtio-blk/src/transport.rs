//! Starting and stopping a virtio disk (virtio 1.2, sections 3.1 and 5.2).
//!
//! How its registers are reached is the business of [`Registers`]. They are believed as far as they cannot do
//! harm: sizes are checked against what this side can serve, waiting for the device is bounded.

use alloc::boxed::Box;

use super::ring::DATA_BYTES;

pub(crate) const CONFIG_SECTORS: u32 = 0;
pub(crate) const CONFIG_SEGMENT_BYTES: u32 = 8;
pub(crate) const CONFIG_BLOCK_BYTES: u32 = 20;
/// Bytes of the disk's own registers that are used.
pub const CONFIG_BYTES: u32 = 24;

const STATUS_FOUND: u8 = 1;
const STATUS_DRIVER: u8 = 2;
const STATUS_RUNNING: u8 = 4;
pub(crate) const STATUS_FEATURES: u8 = 8;

const FEATURE_SEGMENT_BYTES: u64 = 1 << 1;
const FEATURE_READ_ONLY: u64 = 1 << 5;
const FEATURE_BLOCK_BYTES: u64 = 1 << 6;
const FEATURE_FLUSH: u64 = 1 << 9;
pub(crate) const FEATURE_MODERN: u64 = 1 << 32;
/// Features that are used.
pub const FEATURES: u64 = FEATURE_SEGMENT_BYTES
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

/// The registers that every virtio device has, and those that a disk has besides.
pub trait Registers {
    /// Which of its features the device offers.
    fn offered(&mut self) -> u64;
    /// Says which features are used.
    fn accept(&mut self, features: u64);
    /// How far it was started.
    fn status(&self) -> u8;
    /// Starts it further; 0 resets it.
    fn set_status(&mut self, status: u8);
    /// Changes whenever the disk's own registers do.
    fn generation(&self) -> u32;
    /// Reads four bytes of the disk's own registers.
    fn config32(&self, register: u32) -> u32;
    /// Gives queue 0 its memory, which is at the physical address `base`, and lets it start.
    fn enable_queue(&mut self, base: u64) -> Result<(), Refused>;
    /// Tells the device that there are new requests.
    fn ring_doorbell(&mut self);
    /// Takes the interrupt back, so that the line can be opened again.
    fn acknowledge(&mut self);
}

/// One device.
pub struct Transport<R: ?Sized> {
    pub(crate) registers: Box<R>,
    /// Physical address of the ring's memory.
    base: u64,
}

impl<R: Registers + ?Sized> Transport<R> {
    /// Takes the registers and resets the device. `base` is the physical address of the ring's memory.
    pub fn new(registers: Box<R>, base: u64) -> Result<Self, Refused> {
        let mut transport = Transport { registers, base };
        transport.reset()?;
        Ok(transport)
    }

    /// Stops the device. Afterwards it touches no memory.
    pub fn reset(&mut self) -> Result<(), Refused> {
        self.registers.set_status(0);
        let reacts = |_: &usize| self.registers.status() == 0;
        (0..PATIENCE).find(reacts).map(|_| ()).ok_or(Refused::Mute)
    }

    /// Starts a device that was reset, with an empty ring.
    pub fn start(&mut self) -> Result<Geometry, Refused> {
        let registers = &mut self.registers;
        registers.set_status(STATUS_FOUND);
        registers.set_status(STATUS_FOUND | STATUS_DRIVER);
        let features = registers.offered() & FEATURES;
        if features & FEATURE_MODERN == 0 {
            return Err(Refused::Legacy);
        }
        registers.accept(features);
        let agreed = STATUS_FOUND | STATUS_DRIVER | STATUS_FEATURES;
        registers.set_status(agreed);
        if registers.status() & STATUS_FEATURES == 0 {
            return Err(Refused::Legacy);
        }
        let geometry = self.geometry(features)?;
        self.registers.enable_queue(self.base)?;
        self.registers.set_status(agreed | STATUS_RUNNING);
        Ok(geometry)
    }

    /// Tells the device that there are new requests.
    pub fn ring_doorbell(&mut self) {
        self.registers.ring_doorbell();
    }

    /// Takes the interrupt back, so that the line can be opened again.
    pub fn acknowledge(&mut self) {
        self.registers.acknowledge();
    }

    fn geometry(&self, features: u64) -> Result<Geometry, Refused> {
        let has = |feature| features & feature != 0;
        let block_bytes = match has(FEATURE_BLOCK_BYTES) {
            true => self.registers.config32(CONFIG_BLOCK_BYTES),
            false => SECTOR_BYTES,
        };
        if !block_bytes.is_power_of_two() || !(SECTOR_BYTES..=4096).contains(&block_bytes) {
            return Err(Refused::Blocks);
        }
        let most = match has(FEATURE_SEGMENT_BYTES) {
            true => self.registers.config32(CONFIG_SEGMENT_BYTES).min(DATA_BYTES as u32),
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
            let before = self.registers.generation();
            let low = self.registers.config32(CONFIG_SECTORS);
            let high = self.registers.config32(CONFIG_SECTORS + 4);
            if self.registers.generation() == before {
                let sectors = u64::from(high) << 32 | u64::from(low);
                let most = i64::MAX as u64 / u64::from(SECTOR_BYTES);
                return if sectors <= most { Ok(sectors) } else { Err(Refused::Blocks) };
            }
        }
        Err(Refused::Mute)
    }
}
