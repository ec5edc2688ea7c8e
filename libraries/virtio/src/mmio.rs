//! The registers of a virtio device that is on no bus (virtio 1.2, section 4.2.2).

use warren_window::Window;

use crate::transport::{QueuePlace, Refused, Registers};

const MAGIC: usize = 0x00;
const VERSION: usize = 0x04;
const FEATURE: usize = 0x10;
const FEATURE_SELECT: usize = 0x14;
const ACCEPT: usize = 0x20;
const ACCEPT_SELECT: usize = 0x24;
const QUEUE_SELECT: usize = 0x30;
const QUEUE_MOST: usize = 0x34;
const QUEUE_SIZE: usize = 0x38;
const QUEUE_READY: usize = 0x44;
const QUEUE_NOTIFY: usize = 0x50;
const INTERRUPT: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;
const STATUS: usize = 0x70;
const QUEUE_DESCRIPTORS: usize = 0x80;
const QUEUE_AVAILABLE: usize = 0x90;
const QUEUE_USED: usize = 0xa0;
const GENERATION: usize = 0xfc;
const DEVICE: usize = 0x100;

/// What the first register of such a device holds: `virt`.
const MAGIC_VALUE: u32 = 0x7472_6976;
/// Version of the registers of virtio 1.
const MODERN: u32 = 2;

/// The registers of one device.
pub struct MmioRegisters<W> {
    window: W,
    /// Where in the window they start.
    offset: usize,
}

impl<W: Window> MmioRegisters<W> {
    /// Takes the registers, which start at `offset` in a window of `bytes`; `config_bytes` of them are those of the device's kind.
    pub fn new(window: W, bytes: u64, offset: u32, config_bytes: u32) -> Result<Self, Refused> {
        let end = u64::from(offset) + (DEVICE as u64) + u64::from(config_bytes);
        if end > bytes || !offset.is_multiple_of(4) {
            return Err(Refused::Registers);
        }
        let registers = MmioRegisters { window, offset: offset as usize };
        match (registers.read(MAGIC), registers.read(VERSION)) {
            (MAGIC_VALUE, MODERN) => Ok(registers),
            _ => Err(Refused::Legacy),
        }
    }

    fn read(&self, register: usize) -> u32 {
        self.window.read32(self.offset + register)
    }

    fn write(&mut self, register: usize, value: u32) {
        self.window.write32(self.offset + register, value);
    }

    fn write64(&mut self, register: usize, value: u64) {
        self.window.write64(self.offset + register, value);
    }
}

impl<W: Window> Registers for MmioRegisters<W> {
    /// The upper and the lower half are read one after the other.
    fn offered(&mut self) -> u64 {
        self.write(FEATURE_SELECT, 0);
        let low = self.read(FEATURE);
        self.write(FEATURE_SELECT, 1);
        u64::from(self.read(FEATURE)) << 32 | u64::from(low)
    }

    fn accept(&mut self, features: u64) {
        self.write(ACCEPT_SELECT, 0);
        self.write(ACCEPT, features as u32);
        self.write(ACCEPT_SELECT, 1);
        self.write(ACCEPT, (features >> 32) as u32);
    }

    fn status(&self) -> u8 {
        self.read(STATUS) as u8
    }

    fn set_status(&mut self, status: u8) {
        self.write(STATUS, status.into());
    }

    fn generation(&self) -> u32 {
        self.read(GENERATION)
    }

    fn config8(&self, register: u32) -> u8 {
        self.window.read8(self.offset + DEVICE + register as usize)
    }

    fn config32(&self, register: u32) -> u32 {
        self.read(DEVICE + register as usize)
    }

    fn enable_queue(&mut self, index: u16, place: &QueuePlace) -> Result<(), Refused> {
        self.write(QUEUE_SELECT, index.into());
        if self.read(QUEUE_MOST) < place.entries.into() {
            return Err(Refused::Queue);
        }
        self.write(QUEUE_SIZE, place.entries.into());
        self.write64(QUEUE_DESCRIPTORS, place.descriptors);
        self.write64(QUEUE_AVAILABLE, place.available);
        self.write64(QUEUE_USED, place.used);
        self.write(QUEUE_READY, 1);
        Ok(())
    }

    fn ring_doorbell(&mut self, index: u16) {
        self.write(QUEUE_NOTIFY, index.into());
    }

    fn interrupt_by(&mut self, _index: u16, _message: u16) {}

    fn acknowledge(&mut self) {
        let causes = self.read(INTERRUPT);
        self.write(ACKNOWLEDGE, causes);
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use warren_window::fake::Plain;

    use super::*;
    use crate::transport::{FEATURE_MODERN, Transport};

    const OFFSET: u32 = 0x200;
    const CONFIG_BYTES: u32 = 24;
    const PLACE: QueuePlace = QueuePlace {
        entries: 32,
        descriptors: 0x12_3456_7000,
        available: 0x12_3456_8000,
        used: 0x12_3456_9000,
    };

    /// A device in the second place of its page.
    fn device() -> Plain {
        let mut device = Plain::new(0x400);
        let at = OFFSET as usize;
        device.write32(at + MAGIC, MAGIC_VALUE);
        device.write32(at + VERSION, MODERN);
        device.write32(at + QUEUE_MOST, 1024);
        device.write32(at + FEATURE, u32::MAX);
        device.write32(at + DEVICE + 4, 0x1234_5678);
        device
    }

    fn registers(device: Plain) -> MmioRegisters<Plain> {
        MmioRegisters::new(device, 0x400, OFFSET, CONFIG_BYTES).unwrap()
    }

    #[test]
    fn a_device_is_started() {
        let mut transport = Transport::new(Box::new(registers(device()))).unwrap();
        assert_eq!(transport.negotiate(0b101).unwrap(), FEATURE_MODERN | 0b101);
        assert_eq!((transport.config32(4), transport.config8(5)), (0x1234_5678, 0x56));
        transport.run([(0, PLACE)]).unwrap();
        transport.ring_doorbell(0);
        let MmioRegisters { window, .. } = *transport.registers;
        let at = OFFSET as usize;
        assert_eq!(window.read32(at + STATUS), 15);
        assert_eq!(window.read32(at + ACCEPT), (FEATURE_MODERN >> 32) as u32);
        assert_eq!(window.read32(at + QUEUE_SIZE), PLACE.entries.into());
        assert_eq!(window.read32(at + QUEUE_READY), 1);
        assert_eq!(u64::from_le_bytes(window.at(at + QUEUE_USED)), PLACE.used);
        assert_eq!(window.0[..at], [0; OFFSET as usize], "its neighbour");
    }

    #[test]
    fn an_interrupt_is_taken_back_for_what_it_came() {
        let mut device = device();
        device.write32(OFFSET as usize + INTERRUPT, 3);
        let mut registers = registers(device);
        registers.acknowledge();
        assert_eq!(registers.window.read32(OFFSET as usize + ACKNOWLEDGE), 3);
    }

    #[test]
    fn what_is_no_modern_device_is_refused() {
        let refused = |register, value, offset| {
            let mut device = device();
            device.write32(OFFSET as usize + register, value);
            MmioRegisters::new(device, 0x400, offset, CONFIG_BYTES).err()
        };
        assert_eq!(refused(MAGIC, 0, OFFSET), Some(Refused::Legacy));
        assert_eq!(refused(VERSION, 1, OFFSET), Some(Refused::Legacy));
        for offset in [0x300, 0x202, u32::MAX - 3] {
            assert_eq!(refused(MAGIC, MAGIC_VALUE, offset), Some(Refused::Registers));
        }
        let mut short = device();
        short.write32(OFFSET as usize + QUEUE_MOST, 16);
        let mut transport = Transport::new(Box::new(registers(short))).unwrap();
        transport.negotiate(0).unwrap();
        assert_eq!(transport.run([(0, PLACE)]), Err(Refused::Queue));
    }
}
