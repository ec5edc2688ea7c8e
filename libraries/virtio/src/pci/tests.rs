use std::boxed::Box;

use warren_window::fake::Plain;

use super::*;
use crate::transport::{FEATURE_MODERN, STATUS_FEATURES, Transport};

const CONFIG_BYTES: u32 = 24;
const KNOWN: u64 = 0b1010;
const PLACE: QueuePlace = QueuePlace {
    entries: 32,
    descriptors: 0x12_3456_7000,
    available: 0x12_3456_8000,
    used: 0x12_3456_9000,
};

const BYTES: u64 = 0x1000;
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
    keeps_messages: bool,
}

impl Device {
    fn new(features: u64) -> Self {
        let mut memory = Plain::new(BYTES as usize);
        memory.write16(QUEUE_SIZE as usize, 256);
        memory.write16(QUEUE_NOTIFY as usize, 3);
        memory.write64(0x600, 0x0123_4567_89ab_cdef);
        Device { memory, features, accepted: 0, agrees: true, mute: false, keeps_messages: true }
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
        let refused = offset as u32 == QUEUE_MESSAGE && !self.keeps_messages;
        let value = if refused { 0xffff } else { value };
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

fn start(device: Device) -> Result<Transport<PciRegisters<Device>>, Refused> {
    start_with(device, None)
}

fn start_with(
    device: Device,
    message: Option<u16>,
) -> Result<Transport<PciRegisters<Device>>, Refused> {
    let mut registers = PciRegisters::new(device, BYTES, PLACES, CONFIG_BYTES)?;
    for index in 0..2 {
        message.into_iter().for_each(|message| registers.interrupt_by(index, message + index));
    }
    let mut transport = Transport::new(Box::new(registers))?;
    transport.negotiate(KNOWN)?;
    transport.run([(0, PLACE), (1, QueuePlace { used: 0x5000, ..PLACE })])?;
    Ok(transport)
}

#[test]
fn a_device_is_started_with_the_features_that_are_known() {
    let transport = start(Device::new(u64::MAX)).unwrap();
    let Device { memory, accepted, .. } = &transport.registers.window;
    assert_eq!(*accepted, KNOWN | FEATURE_MODERN);
    assert_eq!(memory.read8(STATUS as usize), 15);
    assert_eq!(memory.read16(QUEUE_SIZE as usize), PLACE.entries);
    assert_eq!(memory.read16(QUEUE_ENABLE as usize), 1);
    // The last queue is the one that is chosen.
    assert_eq!(memory.read16(QUEUE_SELECT as usize), 1);
    assert_eq!(u64::from_le_bytes(memory.at(QUEUE_USED as usize)), 0x5000);
}

#[test]
fn what_the_device_does_not_offer_is_not_used() {
    let transport = start(Device::new(FEATURE_MODERN | 0b10)).unwrap();
    assert_eq!(transport.registers.window.accepted, FEATURE_MODERN | 0b10);
}

#[test]
fn the_registers_of_its_kind_are_read() {
    let transport = start(Device::new(u64::MAX)).unwrap();
    let both = transport.config(|it| (it.config32(4), it.config32(0)));
    assert_eq!(both, Ok((0x0123_4567, 0x89ab_cdef)));
    assert_eq!(transport.config8(7), 0x01);
}

#[test]
fn the_doorbell_of_the_queue_is_rung() {
    let mut transport = start(Device::new(u64::MAX)).unwrap();
    transport.registers.window.memory.write16(0x80c, 0xffff);
    transport.ring_doorbell(1);
    assert_eq!(transport.registers.window.memory.read16(0x80c), 1);
}

/// The message of the queue that was chosen last.
fn message(transport: &Transport<PciRegisters<Device>>) -> u16 {
    transport.registers.window.memory.read16(QUEUE_MESSAGE as usize)
}

#[test]
fn a_queue_far_behind_has_a_doorbell_too() {
    let mut transport = start(Device::new(u64::MAX)).unwrap();
    transport.registers.window.memory.write16(QUEUE_NOTIFY as usize, 5);
    transport.run([(40_000, PLACE)]).unwrap();
    transport.ring_doorbell(40_000);
    let memory = &transport.registers.window.memory;
    assert_eq!(memory.read16(QUEUE_SELECT as usize), 40_000);
    assert_eq!((memory.read16(0x814), memory.read16(0x80c)), (40_000, 0));
    transport.registers.window.memory.write16(0x814, 0);
    transport.ring_doorbell(1);
    transport.ring_doorbell(7);
    let memory = &transport.registers.window.memory;
    assert_eq!((memory.read16(0x814), memory.read16(0x80c)), (0, 1), "nobody has the last one");
}

#[test]
fn queues_get_their_messages_again_after_a_reset() {
    let mut device = Device::new(u64::MAX);
    device.memory.write16(QUEUE_MESSAGE as usize, 0xffff);
    let mut transport = start_with(device, Some(3)).unwrap();
    assert_eq!(message(&transport), 4);
    transport.reset().unwrap();
    for (index, expected) in [(0, 3), (1, 4), (2, 0xffff)] {
        transport.registers.window.memory.write16(QUEUE_MESSAGE as usize, 0xffff);
        transport.run([(index, PLACE)]).unwrap();
        assert_eq!(message(&transport), expected);
    }
}

#[test]
fn a_device_that_asserts_its_line_is_asked_for_no_message() {
    let mut device = Device::new(u64::MAX);
    device.memory.write16(QUEUE_MESSAGE as usize, 0xffff);
    assert_eq!(message(&start(device).unwrap()), 0xffff);
}

#[test]
fn a_device_that_keeps_no_message_is_refused() {
    let device = Device { keeps_messages: false, ..Device::new(u64::MAX) };
    assert_eq!(start_with(device, Some(0)).err(), Some(Refused::Message));
}

#[test]
fn a_device_that_cannot_be_driven_is_refused() {
    let all = u64::MAX;
    for (registers, reason) in [
        (Device::new(all & !FEATURE_MODERN), Refused::Legacy),
        (Device { agrees: false, ..Device::new(all) }, Refused::Legacy),
        (Device { mute: true, ..Device::new(all) }, Refused::Mute),
        (Device::with(all, QUEUE_SIZE as usize, 16), Refused::Queue),
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
        let device = Device::new(u64::MAX);
        let registers = PciRegisters::new(device, BYTES, places, CONFIG_BYTES);
        let transport = registers.and_then(|it| Transport::new(Box::new(it)));
        transport.and_then(|mut transport| transport.run([(0, PLACE)])).err()
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
