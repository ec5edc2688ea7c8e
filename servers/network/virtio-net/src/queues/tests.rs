//! Several pairs against devices that go along with them, and devices that do not.

use std::{boxed::Box, cell::RefCell, rc::Rc, vec, vec::Vec};

use warren_packets::Indices;
use warren_virtio::{QueuePlace, transport::FEATURE_MODERN};
use warren_window::fake::Plain;

use super::*;

/// Physical addresses of the shared memory and of the packet memory, and how many buffers that has.
const AREA: u64 = 0x80_0000;
const PACKETS: u64 = 0x100_0000;
const BUFFERS: usize = 4096;
/// How many pairs the device has, and the index of the queue for commands.
const HAS: u16 = 6;
const CONTROL: u16 = 12;
/// How many are used.
const PAIRS: usize = 3;

/// Memory that the device writes, too.
#[derive(Clone)]
struct Shared(Rc<RefCell<Plain>>);

impl Window for Shared {
    fn read8(&self, offset: usize) -> u8 {
        self.0.borrow().read8(offset)
    }
    fn read16(&self, offset: usize) -> u16 {
        self.0.borrow().read16(offset)
    }
    fn read32(&self, offset: usize) -> u32 {
        self.0.borrow().read32(offset)
    }
    fn write8(&mut self, offset: usize, value: u8) {
        self.0.borrow_mut().write8(offset, value);
    }
    fn write16(&mut self, offset: usize, value: u16) {
        self.0.borrow_mut().write16(offset, value);
    }
    fn write32(&mut self, offset: usize, value: u32) {
        self.0.borrow_mut().write32(offset, value);
    }
}

/// What a device does with commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It does what they say, when its registers have been read so often.
    After(usize),
    /// It says that it cannot.
    Refusal,
    /// It gives them back without a word.
    Silence,
    /// It gives back something else.
    Nonsense,
    /// It never gives them back.
    Nothing,
}

#[derive(Debug)]
struct Host {
    answer: Answer,
    /// Queues that are there, of those that it says it has.
    queues: u16,
    pairs: u16,
    status: u8,
    /// How often the registers have been read since the doorbell was rung.
    reads: Option<usize>,
    enabled: Vec<(u16, QueuePlace)>,
    used: Vec<u16>,
    starts: usize,
}

#[derive(Clone)]
struct Device {
    host: Rc<RefCell<Host>>,
    memory: Shared,
}

impl Device {
    fn new(answer: Answer) -> Self {
        let host = Host {
            answer,
            queues: u16::MAX,
            pairs: HAS,
            status: 0,
            reads: None,
            enabled: vec![],
            used: vec![],
            starts: 0,
        };
        let memory = Shared(Rc::new(RefCell::new(Plain::new(Queues::bytes(PAIRS)))));
        Device { host: Rc::new(RefCell::new(host)), memory }
    }

    fn indices(&self) -> Vec<u16> {
        self.host.borrow().enabled.iter().map(|(index, _)| *index).collect()
    }

    /// Starts it as the driver does.
    fn start(&self, pairs: usize) -> Result<(Queues, LinkDescription), Refused> {
        let mut transport = Transport::new(Box::new(self.clone()))?;
        let agreed = device::agree(&mut transport)?;
        start(&mut transport, &mut self.memory.clone(), agreed, pairs, |pairs| {
            Queues::new(pairs, AREA, PACKETS, BUFFERS)
        })
    }

    /// Starts it again as the driver does it with one that has broken the rules.
    fn start_again(&self, queues: &mut Queues) -> Result<LinkDescription, Refused> {
        let (mut transport, mut area) =
            (Transport::new(Box::new(self.clone())).unwrap(), self.memory.clone());
        queues.reset(&mut area, &mut Indices::new(), &mut Indices::new());
        let agreed = device::agree(&mut transport)?;
        queues.start(&mut transport, &mut area, agreed)
    }

    /// Does what stands in the queue for commands.
    fn obey(&self, host: &mut Host) {
        let place = host.enabled.iter().find(|(index, _)| *index == CONTROL).unwrap().1;
        let mut memory = self.memory.clone();
        let at = |address: u64| (address - AREA) as usize;
        let head = memory.read16(at(place.available) + 4);
        let piece = |index: usize| {
            let descriptor = at(place.descriptors) + 16 * index;
            let address = u64::from_le_bytes(memory.0.borrow().at(descriptor));
            (at(address), memory.read32(descriptor + 8), memory.read16(descriptor + 12))
        };
        let (command, bytes, flags) = piece(head.into());
        assert_eq!((bytes, flags), (4, 1), "it is read, and something follows");
        let next = memory.read16(at(place.descriptors) + 16 * usize::from(head) + 14);
        let (answer, bytes, flags) = piece(next.into());
        assert_eq!((bytes, flags), (1, 2), "it is written, and nothing follows");
        assert_eq!((memory.read8(command), memory.read8(command + 1)), (4, 0));
        host.used.push(memory.read16(command + 2));
        match host.answer {
            Answer::Refusal => memory.write8(answer, 1),
            Answer::After(_) | Answer::Nonsense => memory.write8(answer, 0),
            Answer::Silence | Answer::Nothing => (),
        }
        let head = if host.answer == Answer::Nonsense { 77 } else { head };
        memory.write32(at(place.used) + 4, head.into());
        memory.write32(at(place.used) + 8, 1);
        memory.write16(at(place.used) + 2, 1);
    }
}

impl Registers for Device {
    fn offered(&mut self) -> u64 {
        u64::MAX | FEATURE_MODERN
    }
    fn accept(&mut self, _: u64) {}
    fn status(&self) -> u8 {
        let mut host = self.host.borrow_mut();
        let wanted = match host.answer {
            Answer::After(reads) => reads,
            Answer::Nothing => usize::MAX,
            _ => 1,
        };
        host.reads = host.reads.map(|reads| reads + 1);
        if host.reads == Some(wanted) {
            self.obey(&mut host);
        }
        host.status
    }
    fn set_status(&mut self, status: u8) {
        let mut host = self.host.borrow_mut();
        host.status = status;
        if status == 0 {
            (host.enabled, host.reads) = (vec![], None);
            host.starts += 1;
        }
    }
    fn generation(&self) -> u32 {
        0
    }
    fn config8(&self, register: u32) -> u8 {
        let [low, high] = self.host.borrow().pairs.to_le_bytes();
        [0x52, 0x54, 0, 1, 2, 3, 1, 0, low, high, 0xdc, 5][register as usize]
    }
    fn config32(&self, _: u32) -> u32 {
        unreachable!("a network device's registers are read by bytes")
    }
    fn enable_queue(&mut self, index: u16, place: &QueuePlace) -> Result<(), Refused> {
        let mut host = self.host.borrow_mut();
        if index >= host.queues {
            return Err(Refused::Queue);
        }
        host.enabled.push((index, *place));
        Ok(())
    }
    fn ring_doorbell(&mut self, index: u16) {
        assert_eq!(index, CONTROL);
        self.host.borrow_mut().reads = Some(0);
    }
    fn interrupt_by(&mut self, _: u16, _: u16) {}
    fn acknowledge(&mut self) {}
}

#[test]
fn a_device_is_told_how_many_pairs_are_used() {
    for reads in [1, 2, 1000] {
        let device = Device::new(Answer::After(reads));
        let (queues, description) = device.start(PAIRS).unwrap();
        assert_eq!((queues.pairs.len(), description.pairs), (PAIRS, PAIRS as u32));
        assert_eq!(device.indices(), [0, 1, 2, 3, 4, 5, CONTROL]);
        assert_eq!((&device.host.borrow().used[..], device.host.borrow().starts), (&[3][..], 1));
    }
}

#[test]
fn a_device_with_one_pair_is_told_nothing() {
    let device = Device::new(Answer::After(1));
    let (queues, description) = device.start(1).unwrap();
    assert_eq!((queues.pairs.len(), description.pairs), (1, 1));
    assert_eq!(device.indices(), [0, 1]);
    assert!(device.host.borrow().used.is_empty());
}

#[test]
fn a_device_that_does_not_go_along_has_one_pair() {
    for answer in [Answer::Refusal, Answer::Silence, Answer::Nonsense, Answer::Nothing] {
        let device = Device::new(answer);
        let (queues, description) = device.start(PAIRS).unwrap();
        assert_eq!((queues.pairs.len(), description.pairs), (1, 1), "{answer:?}");
        assert_eq!(queues.receive_entries(), usize::from(ENTRIES));
        assert_eq!((device.indices(), device.host.borrow().starts), (vec![0, 1], 2));
    }
}

#[test]
fn a_device_that_lies_about_its_queues_has_one_pair() {
    for queues in 2..CONTROL {
        let device = Device::new(Answer::After(1));
        device.host.borrow_mut().queues = queues;
        let (_, description) = device.start(PAIRS).unwrap();
        assert_eq!((description.pairs, device.indices()), (1, vec![0, 1]), "{queues}");
    }
    let device = Device::new(Answer::After(1));
    device.host.borrow_mut().queues = 1;
    assert_eq!(device.start(PAIRS).err(), Some(Refused::Queue), "there is not even one");
}

#[test]
fn a_device_is_started_again_with_as_many_pairs() {
    let device = Device::new(Answer::After(3));
    let (mut queues, description) = device.start(PAIRS).unwrap();
    for _ in 0..3 {
        assert_eq!(device.start_again(&mut queues), Ok(description));
    }
    assert_eq!(device.host.borrow().used, [3; 4]);
    device.host.borrow_mut().answer = Answer::Refusal;
    assert_eq!(device.start_again(&mut queues), Err(Refused::Command));
    device.host.borrow_mut().pairs = PAIRS as u16 - 1;
    assert_eq!(device.start_again(&mut queues), Err(Refused::Queue));
}

#[test]
fn queues_lie_side_by_side() {
    for pairs in 1..=8 {
        let queues = Queues::new(pairs, AREA, PACKETS, BUFFERS);
        let agreed = Agreed { description: LinkDescription::default(), pairs: 8 };
        let parts = queues.places(agreed).flat_map(|(_, place)| {
            let entries = u64::from(place.entries);
            [
                (place.descriptors, 16 * entries),
                (place.available, 4 + 2 * entries),
                (place.used, 4 + 8 * entries),
            ]
        });
        let headers = (0..pairs as u64).map(|pair| {
            let start = pair * PAIR_BYTES as u64 + HEADERS_AT as u64;
            (AREA + start, u64::from(ENTRIES) * HEADER_STRIDE as u64)
        });
        let mut parts: Vec<_> = parts.chain(headers).collect();
        parts.sort_unstable();
        parts.push((AREA + Queues::bytes(pairs) as u64, 0));
        assert_eq!(parts.len(), 7 * pairs + if pairs > 1 { 4 } else { 1 });
        let apart = |pair: &[(u64, u64)]| pair[0].0 + pair[0].1 <= pair[1].0;
        assert!(parts.windows(2).all(apart), "{pairs}: {parts:?}");
    }
}

#[test]
fn each_pair_has_buffers_of_its_own_and_all_come_back() {
    let device = Device::new(Answer::After(1));
    let (mut queues, _) = device.start(PAIRS).unwrap();
    let mut area = device.memory.clone();
    let mut fresh = Indices::new();
    (0..500).for_each(|index| fresh.push(index));
    for pair in &mut queues.pairs {
        pair.receiver.refill(&mut area, &mut fresh);
        assert_eq!(pair.receiver.filled(), queues.receive_entries.into());
    }
    assert_eq!(fresh.len(), 500 - 3 * 128);
    let sent = [warren_idl::Packet { buffer: 999, bytes: 60, ..Default::default() }];
    assert!(queues.pairs[1].sender.push(&mut area, [0; 12], &sent));
    let mut spent = Indices::new();
    queues.reset(&mut area, &mut fresh, &mut spent);
    let mut all = fresh.as_slice().to_vec();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..500), "those for frames that arrive");
    assert_eq!(spent.as_slice(), [999], "those of frames that are sent");
}

#[test]
fn several_queues_leave_most_of_the_packet_memory() {
    let entries = |pairs, buffers| receive_entries(pairs, buffers);
    assert_eq!([1, 2, 3, 4].map(|pairs| entries(pairs, 4096)), [256, 256, 128, 128]);
    assert_eq!([1, 2, 3, 4].map(|pairs| entries(pairs, 65_536)), [256; 4]);
    assert_eq!([1, 2, 3, 4].map(|pairs| entries(pairs, 1024)), [256, 64, 64, 64]);
    assert_eq!(entries(4, usize::MAX), 256);
}
