use std::boxed::Box;

use super::{
    super::{
        ring::DATA_BYTES,
        transport::{
            CONFIG_BLOCK_BYTES, CONFIG_SECTORS, CONFIG_SEGMENT_BYTES, FEATURE_MODERN, FEATURES,
            Geometry, STATUS_FEATURES, Transport,
        },
        window::fake::Plain,
    },
    *,
};

const BYTES: u64 = 0x1000;
const BASE: u64 = 0x12_3456_7000;
const PLACES: Places = Places {
    bar: 4,
    common: Range { offset: 0, bytes: 0x100 },
    notify: Range { offset: 0x800, bytes: 0x100 },
    notify_stride: 4,
    interrupt: Range { offset: 0x400, bytes: 4 },
    device: Range { offset: 0x600, bytes: 0x100 },
};

/// Registers of a device that offers `features`, and answers to the selectors.
struct Device {
    memory: Plain,
    features: u64,
    accepted: u64,
    agrees: bool,
    mute: bool,
}

impl Device {
    fn new(features: u64) -> Self {
        let mut memory = Plain::new(BYTES as usize);
        memory.write16(QUEUE_SIZE as usize, 256);
        memory.write16(QUEUE_NOTIFY as usize, 3);
        memory.write64(0x600, 2048);
        memory.write32(0x600 + CONFIG_BLOCK_BYTES as usize, 4096);
        memory.write32(0x600 + CONFIG_SEGMENT_BYTES as usize, 10_000);
        Device { memory, features, accepted: 0, agrees: true, mute: false }
    }

    fn with(features: u64, offset: usize, value: u32) -> Self {
        let mut device = Device::new(features);
        device.memory.write32(offset, value);
        device
    }
}

impl Window for Device {
    fn read8(&self, offset: usize) -> u8 {
        self.memory.read8(offset)
    }
    fn read16(&self, offset: usize) -> u16 {
        self.memory.read16(offset)
    }
    fn read32(&self, offset: usize) -> u32 {
        match (offset as u32, self.memory.read32(FEATURE_SELECT as usize)) {
            (FEATURE, 0) => self.features as u32,
            (FEATURE, _) => (self.features >> 32) as u32,
            _ => self.memory.read32(offset),
        }
    }
    fn write8(&mut self, offset: usize, value: u8) {
        let refused = !self.agrees || self.accepted & !self.features != 0;
        let value = if refused { value & !STATUS_FEATURES } else { value };
        self.memory.write8(offset, if self.mute { 0x40 } else { value });
    }
    fn write16(&mut self, offset: usize, value: u16) {
        self.memory.write16(offset, value);
    }
    fn write32(&mut self, offset: usize, value: u32) {
        if offset as u32 == ACCEPT {
            let upper = self.memory.read32(ACCEPT_SELECT as usize) == 1;
            self.accepted |= u64::from(value) << (if upper { 32 } else { 0 });
        }
        self.memory.write32(offset, value);
    }
}

type Started = (Transport<PciRegisters<Device>>, Geometry);

fn start(device: Device) -> Result<Started, Refused> {
    let registers = PciRegisters::new(device, BYTES, PLACES)?;
    let mut transport = Transport::new(Box::new(registers), BASE)?;
    let geometry = transport.start()?;
    Ok((transport, geometry))
}

#[test]
fn a_device_is_started_with_the_features_that_are_known() {
    let (transport, _) = start(Device::new(u64::MAX)).unwrap();
    assert_eq!(transport.registers.window.accepted, FEATURES);
    assert_eq!(transport.registers.window.memory.read8(STATUS as usize), 15);
    assert_eq!(transport.registers.window.memory.read16(QUEUE_SIZE as usize), QUEUE_ENTRIES);
    assert_eq!(transport.registers.window.memory.read16(QUEUE_ENABLE as usize), 1);
    let used = u64::from_le_bytes(transport.registers.window.memory.at(QUEUE_USED as usize));
    assert_eq!(used, BASE + USED as u64);
}

#[test]
fn what_the_device_says_of_itself_is_taken_over() {
    let (_, geometry) = start(Device::new(u64::MAX)).unwrap();
    let expected = Geometry {
        block_bytes: 4096,
        blocks: 256,
        request_bytes: 8192,
        read_only: true,
        can_flush: true,
    };
    assert_eq!(geometry, expected);
}

#[test]
fn what_the_device_does_not_offer_has_its_default() {
    let (_, geometry) = start(Device::new(FEATURE_MODERN)).unwrap();
    let expected = Geometry {
        block_bytes: 512,
        blocks: 2048,
        request_bytes: DATA_BYTES as u32,
        read_only: false,
        can_flush: false,
    };
    assert_eq!(geometry, expected);
}

#[test]
fn the_doorbell_of_the_queue_is_rung() {
    let (mut transport, _) = start(Device::new(u64::MAX)).unwrap();
    transport.registers.window.memory.write16(0x80c, 0xffff);
    transport.ring_doorbell();
    assert_eq!(transport.registers.window.memory.read16(0x80c), 0);
}

#[test]
fn a_device_that_cannot_be_driven_is_refused() {
    let config = |register: u32| 0x600 + register as usize;
    let all = u64::MAX;
    for (registers, reason) in [
        (Device::new(FEATURES & !FEATURE_MODERN), Refused::Legacy),
        (Device { agrees: false, ..Device::new(all) }, Refused::Legacy),
        (Device { mute: true, ..Device::new(all) }, Refused::Mute),
        (Device::with(all, QUEUE_SIZE as usize, 16), Refused::Queue),
        (Device::with(all, config(CONFIG_BLOCK_BYTES), 513), Refused::Blocks),
        (Device::with(all, config(CONFIG_BLOCK_BYTES), 8192), Refused::Blocks),
        (Device::with(all, config(CONFIG_SEGMENT_BYTES), 4095), Refused::Blocks),
        (Device::with(all, config(CONFIG_SECTORS + 4), u32::MAX), Refused::Blocks),
        (Device::with(all, QUEUE_NOTIFY as usize - 2, 0xffff_0000), Refused::Registers),
    ] {
        assert_eq!(start(registers).err(), Some(reason));
    }
}

#[test]
fn registers_beyond_the_mapping_are_refused() {
    let far = Range { offset: 0xff8, bytes: 0x100 };
    let short = Range { offset: 0, bytes: 8 };
    let last = Range { offset: u32::MAX, bytes: u32::MAX };
    let refused = |places| {
        let registers = PciRegisters::new(Device::new(u64::MAX), BYTES, places);
        let transport = registers.and_then(|it| Transport::new(Box::new(it), BASE));
        transport.and_then(|mut transport| transport.start()).err()
    };
    for range in [far, short, last] {
        for places in [
            Places { common: range, ..PLACES },
            Places { device: range, ..PLACES },
            Places { notify: range, ..PLACES },
        ] {
            assert_eq!(refused(places), Some(Refused::Registers), "{places:?}");
        }
    }
    let places = Places { interrupt: last, ..PLACES };
    assert_eq!(refused(places), Some(Refused::Registers));
}
