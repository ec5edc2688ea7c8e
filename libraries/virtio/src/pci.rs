//! The registers of a virtio device on the PCI bus (virtio 1.2, section 4.1.4).

use alloc::vec::Vec;

use warren_window::Window;

use crate::{
    capability::{Places, Range},
    transport::{QueuePlace, Refused, Registers},
};

const FEATURE_SELECT: u32 = 0;
const FEATURE: u32 = 4;
const ACCEPT_SELECT: u32 = 8;
const ACCEPT: u32 = 12;
const STATUS: u32 = 20;
const GENERATION: u32 = 21;
const QUEUE_SELECT: u32 = 22;
const QUEUE_SIZE: u32 = 24;
const QUEUE_MESSAGE: u32 = 26;
const QUEUE_ENABLE: u32 = 28;
const QUEUE_NOTIFY: u32 = 30;
const QUEUE_DESCRIPTORS: u32 = 32;
const QUEUE_AVAILABLE: u32 = 40;
const QUEUE_USED: u32 = 48;
const COMMON_BYTES: u32 = 56;

/// The registers of one device.
pub struct PciRegisters<W> {
    window: W,
    /// Bytes of the window.
    bytes: u64,
    places: Places,
    /// Those that are used, mostly in the order of their indices. They are few.
    queues: Vec<Used>,
    /// Whether the device interrupts by messages.
    by_messages: bool,
}

/// A queue that is used.
#[derive(Debug, Default)]
struct Used {
    index: u16,
    /// The message by which it interrupts, if it does.
    message: Option<u16>,
    /// Offset of its doorbell, once it is enabled.
    doorbell: Option<usize>,
}

impl<W: Window> PciRegisters<W> {
    /// Takes the registers, which are `bytes` long and lie at these places; `config_bytes` of them are those of the device's kind.
    pub fn new(window: W, bytes: u64, places: Places, config_bytes: u32) -> Result<Self, Refused> {
        let fits = |range: Range, needed: u32| {
            let end = u64::from(range.offset) + u64::from(needed);
            range.bytes >= needed && end <= bytes && range.offset.is_multiple_of(4)
        };
        let Places { common, interrupt, device, .. } = places;
        let interrupt_fits = u64::from(interrupt.offset) < bytes && interrupt.bytes >= 1;
        if !fits(common, COMMON_BYTES) || !fits(device, config_bytes) || !interrupt_fits {
            return Err(Refused::Registers);
        }
        Ok(PciRegisters { window, bytes, places, queues: Vec::new(), by_messages: false })
    }

    /// Where the doorbell of the chosen queue is.
    fn find_doorbell(&self) -> Result<usize, Refused> {
        let Places { notify, notify_stride, .. } = self.places;
        let index = self.window.read16(self.common(QUEUE_NOTIFY));
        let doorbell = u64::from(index) * u64::from(notify_stride);
        let end = u64::from(notify.offset) + doorbell + 2;
        if doorbell + 2 > u64::from(notify.bytes) || end > self.bytes || !end.is_multiple_of(2) {
            return Err(Refused::Registers);
        }
        Ok((end - 2) as usize)
    }

    /// What is known of a queue.
    fn used(&mut self, index: u16) -> &mut Used {
        let known = self.queues.iter().position(|queue| queue.index == index);
        let at = known.unwrap_or_else(|| {
            self.queues.push(Used { index, ..Used::default() });
            self.queues.len() - 1
        });
        &mut self.queues[at]
    }

    fn common(&self, register: u32) -> usize {
        (self.places.common.offset + register) as usize
    }

    fn write16(&mut self, register: u32, value: u16) {
        self.window.write16(self.common(register), value);
    }

    fn write32(&mut self, register: u32, value: u32) {
        self.window.write32(self.common(register), value);
    }

    fn write64(&mut self, register: u32, value: u64) {
        self.window.write64(self.common(register), value);
    }
}

impl<W: Window> Registers for PciRegisters<W> {
    /// The upper and the lower half are read one after the other.
    fn offered(&mut self) -> u64 {
        self.write32(FEATURE_SELECT, 0);
        let low = self.window.read32(self.common(FEATURE));
        self.write32(FEATURE_SELECT, 1);
        u64::from(self.window.read32(self.common(FEATURE))) << 32 | u64::from(low)
    }

    fn accept(&mut self, features: u64) {
        self.write32(ACCEPT_SELECT, 0);
        self.write32(ACCEPT, features as u32);
        self.write32(ACCEPT_SELECT, 1);
        self.write32(ACCEPT, (features >> 32) as u32);
    }

    fn status(&self) -> u8 {
        self.window.read8(self.common(STATUS))
    }

    fn set_status(&mut self, status: u8) {
        self.window.write8(self.common(STATUS), status);
    }

    fn generation(&self) -> u32 {
        self.window.read8(self.common(GENERATION)).into()
    }

    fn config8(&self, register: u32) -> u8 {
        self.window.read8((self.places.device.offset + register) as usize)
    }

    fn config32(&self, register: u32) -> u32 {
        self.window.read32((self.places.device.offset + register) as usize)
    }

    fn enable_queue(&mut self, index: u16, place: &QueuePlace) -> Result<(), Refused> {
        self.write16(QUEUE_SELECT, index);
        if self.window.read16(self.common(QUEUE_SIZE)) < place.entries {
            return Err(Refused::Queue);
        }
        let doorbell = self.find_doorbell()?;
        let queue = self.used(index);
        queue.doorbell = Some(doorbell);
        if let Some(message) = queue.message {
            // A reset has taken it away. A device that cannot keep it says so.
            self.write16(QUEUE_MESSAGE, message);
            if self.window.read16(self.common(QUEUE_MESSAGE)) != message {
                return Err(Refused::Message);
            }
        }
        self.write16(QUEUE_SIZE, place.entries);
        self.write64(QUEUE_DESCRIPTORS, place.descriptors);
        self.write64(QUEUE_AVAILABLE, place.available);
        self.write64(QUEUE_USED, place.used);
        self.write16(QUEUE_ENABLE, 1);
        Ok(())
    }

    fn ring_doorbell(&mut self, index: u16) {
        let queue = self.queues.iter().find(|queue| queue.index == index);
        if let Some(doorbell) = queue.and_then(|queue| queue.doorbell) {
            self.window.write16(doorbell, index);
        }
    }

    fn interrupt_by(&mut self, index: u16, message: u16) {
        self.used(index).message = Some(message);
        self.by_messages = true;
    }

    /// A message is no level that would have to be taken back.
    fn acknowledge(&mut self) {
        if !self.by_messages {
            self.window.read8(self.places.interrupt.offset as usize);
        }
    }
}

#[cfg(test)]
mod tests;
