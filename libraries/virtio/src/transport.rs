//! Starting and stopping a virtio device (virtio 1.2, section 3.1).
//!
//! How its registers are reached is the business of [`Registers`]. They are believed as far as they cannot do
//! harm: whoever drives the device checks sizes against what it can serve, and waiting for the device is bounded.

use alloc::boxed::Box;

const STATUS_FOUND: u8 = 1;
const STATUS_DRIVER: u8 = 2;
const STATUS_RUNNING: u8 = 4;
pub(crate) const STATUS_FEATURES: u8 = 8;
const AGREED: u8 = STATUS_FOUND | STATUS_DRIVER | STATUS_FEATURES;

/// The feature of devices that speak virtio 1.
pub const FEATURE_MODERN: u64 = 1 << 32;

/// How often a register is read before a device that does not react is given up.
const PATIENCE: usize = 1_000_000;

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
    /// It refuses to interrupt by a message.
    Message,
    /// It refuses a command, or does not answer.
    Command,
    /// What it says of itself is impossible, in the way that this line for people says.
    Impossible(&'static str),
}

impl Refused {
    /// One line for people.
    pub fn message(self) -> &'static str {
        match self {
            Refused::Registers => "its registers lie outside of its memory",
            Refused::Mute => "it does not answer to a reset",
            Refused::Legacy => "it does not speak virtio 1",
            Refused::Queue => "its queue is too short",
            Refused::Message => "it refuses to interrupt by a message",
            Refused::Command => "it refuses a command, or does not answer",
            Refused::Impossible(message) => message,
        }
    }
}

/// Where the three parts of a queue lie, by physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    /// Its entries: a power of two.
    pub entries: u16,
    /// The descriptors.
    pub descriptors: u64,
    /// What this side makes available.
    pub available: u64,
    /// What the device has used.
    pub used: u64,
}

/// The registers that every virtio device has, and those of its kind.
pub trait Registers {
    /// Which of its features the device offers.
    fn offered(&mut self) -> u64;
    /// Says which features are used.
    fn accept(&mut self, features: u64);
    /// How far it was started.
    fn status(&self) -> u8;
    /// Starts it further; 0 resets it.
    fn set_status(&mut self, status: u8);
    /// Changes whenever the registers of its kind do.
    fn generation(&self) -> u32;
    /// Reads one byte of the registers of its kind.
    fn config8(&self, register: u32) -> u8;
    /// Reads four bytes of them.
    fn config32(&self, register: u32) -> u32;
    /// Gives queue `index` its memory, and lets it start.
    fn enable_queue(&mut self, index: u16, place: &QueuePlace) -> Result<(), Refused>;
    /// Tells the device that there is something new in queue `index`.
    fn ring_doorbell(&mut self, index: u16);
    /// Lets queue `index` interrupt by this message of the device, from the next start on. Devices on no bus have none.
    fn interrupt_by(&mut self, index: u16, message: u16);
    /// Takes the interrupt back, so that the line can be opened again.
    fn acknowledge(&mut self);
}

/// One device.
pub struct Transport<R: ?Sized> {
    pub(crate) registers: Box<R>,
}

impl<R: Registers + ?Sized> Transport<R> {
    /// Takes the registers and resets the device.
    pub fn new(registers: Box<R>) -> Result<Self, Refused> {
        let mut transport = Transport { registers };
        transport.reset()?;
        Ok(transport)
    }

    /// Stops the device. Afterwards it touches no memory.
    pub fn reset(&mut self) -> Result<(), Refused> {
        self.registers.set_status(0);
        let reacts = |_: &usize| self.registers.status() == 0;
        (0..PATIENCE).find(reacts).map(|_| ()).ok_or(Refused::Mute)
    }

    /// Which features the device offers.
    pub fn offered(&mut self) -> u64 {
        self.registers.offered()
    }

    /// Agrees with a device that was reset on those of the `known` features that it has; they are returned.
    pub fn negotiate(&mut self, known: u64) -> Result<u64, Refused> {
        let registers = &mut self.registers;
        registers.set_status(STATUS_FOUND);
        registers.set_status(STATUS_FOUND | STATUS_DRIVER);
        let features = registers.offered() & (known | FEATURE_MODERN);
        if features & FEATURE_MODERN == 0 {
            return Err(Refused::Legacy);
        }
        registers.accept(features);
        registers.set_status(AGREED);
        if registers.status() & STATUS_FEATURES == 0 {
            return Err(Refused::Legacy);
        }
        Ok(features)
    }

    /// Lets a device that has agreed work with these queues, which are empty, each with its index.
    pub fn run(
        &mut self,
        queues: impl IntoIterator<Item = (u16, QueuePlace)>,
    ) -> Result<(), Refused> {
        for (index, place) in queues {
            self.registers.enable_queue(index, &place)?;
        }
        self.registers.set_status(AGREED | STATUS_RUNNING);
        Ok(())
    }

    /// Tells the device that there is something new in queue `index`.
    pub fn ring_doorbell(&mut self, index: u16) {
        self.registers.ring_doorbell(index);
    }

    /// Lets queue `index` interrupt by this message, from the next start on.
    pub fn interrupt_by(&mut self, index: u16, message: u16) {
        self.registers.interrupt_by(index, message);
    }

    /// Takes the interrupt back, so that the line can be opened again.
    pub fn acknowledge(&mut self) {
        self.registers.acknowledge();
    }

    /// Looks until something has come of a device that takes no more than a moment, and reads a register each time: whoever plays the device gets time by that.
    /// `None` if the device is given up.
    pub fn wait_for<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        (0..PATIENCE).find_map(|_| {
            self.registers.status();
            look()
        })
    }

    /// Reads one byte of the registers of the device's kind.
    pub fn config8(&self, register: u32) -> u8 {
        self.registers.config8(register)
    }

    /// Reads four bytes of them.
    pub fn config32(&self, register: u32) -> u32 {
        self.registers.config32(register)
    }

    /// Reads what takes several accesses, as it was at one moment.
    pub fn config<T>(&self, read: impl Fn(&R) -> T) -> Result<T, Refused> {
        let once = |_| {
            let before = self.registers.generation();
            let value = read(&self.registers);
            (self.registers.generation() == before).then_some(value)
        };
        (0..PATIENCE).find_map(once).ok_or(Refused::Mute)
    }
}
