//! The controller's registers (PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, 317453, section 13), and its start.

use warren_idl::{OFFLOAD_CHECKSUM, OFFLOAD_SEGMENT_IPV4};
use warren_link::{
    controller::{self, Refused, station},
    ring::DESCRIPTOR_BYTES,
};
use warren_window::Window;

use crate::{
    receive::{Descriptor, ENTRIES},
    transmit::Sender,
};

const CONTROL: usize = 0x0000;
const STATUS: usize = 0x0008;
const INTERRUPT_CAUSE: usize = 0x00c0;
const INTERRUPT_THROTTLE: usize = 0x00c4;
const INTERRUPT_ENABLE: usize = 0x00d0;
const INTERRUPT_DISABLE: usize = 0x00d8;
const RECEIVE_CONTROL: usize = 0x0100;
const SEND_CONTROL: usize = 0x0400;
const SEND_GAP: usize = 0x0410;
const RECEIVE_RING: usize = 0x2800;
const RECEIVE_DELAY: usize = 0x2820;
const SEND_RING: usize = 0x3800;
const CHECKSUM_CONTROL: usize = 0x5000;
const GROUPS: usize = 0x5200;
const ADDRESS_LOW: usize = 0x5400;
const ADDRESS_HIGH: usize = 0x5404;
/// Bytes of the registers that are used.
pub const REGISTER_BYTES: usize = 0x5408;

/// Bytes of a ring.
const RING_BYTES: u32 = (ENTRIES * DESCRIPTOR_BYTES) as u32;
/// Of a ring's registers.
const BASE: usize = 0x00;
const LENGTH: usize = 0x08;
const HEAD: usize = 0x10;
const TAIL: usize = 0x18;

const CONTROL_SPEED_BY_LINK: u32 = 1 << 5;
const CONTROL_LINK_UP: u32 = 1 << 6;
const CONTROL_RESET: u32 = 1 << 26;
const STATUS_LINK_UP: u32 = 1 << 1;
const ADDRESS_VALID: u32 = 1 << 31;
/// Words of the table of groups.
const GROUP_WORDS: usize = 128;

/// Interrupts: the link has changed, few buffers are left, no buffer was, a frame has arrived.
const INTERRUPTS: u32 = 1 << 2 | 1 << 4 | 1 << 6 | 1 << 7;
/// Interrupt: a descriptor of a frame that was sent has been written back.
const INTERRUPT_SENT: u32 = 1 << 0;
/// Receive: on; also what is for all, and for all groups; buffers of 4096 bytes (a size of 3, sixteen times as large); without the check sequence.
const RECEIVE: u32 = 1 << 1 | 1 << 4 | 1 << 15 | 3 << 16 | 1 << 25 | 1 << 26;
/// Send: on, short frames are made longer; how often and how far collisions are followed, as the manual wants it.
const SEND: u32 = 1 << 1 | 1 << 3 | 0x0f << 4 | 0x40 << 12;
/// Times between frames, as the manual wants them (section 13.4.34).
const GAP: u32 = 10 | 8 << 10 | 6 << 20;
/// Sums of TCP and UDP, and of IPv4's header, are checked.
const CHECKSUMS: u32 = 1 << 8 | 1 << 9;

/// How often the controller is asked whether its reset is done. Each question takes a microsecond on hardware, and the reset one.
const PATIENCE: u32 = 100_000;

/// The one of the family that does not cut segments as the others do: 82543GC.
const CUTS_NOT: u16 = 0x1004;

/// The registers of one controller.
pub struct Registers<W> {
    window: W,
    /// What it is, as the bus says.
    device: u16,
}

impl<W: Window> Registers<W> {
    /// Takes the registers of such a device, of which there are `bytes`.
    pub fn new(window: W, bytes: usize, device: u16) -> Result<Self, Refused> {
        if bytes < REGISTER_BYTES {
            return Err(Refused::Registers);
        }
        Ok(Registers { window, device })
    }
}

impl<W: Window> controller::Registers for Registers<W> {
    type Descriptors = Descriptor;
    type Sender = Sender;

    fn offloads(&self) -> u32 {
        let cuts = if self.device == CUTS_NOT { 0 } else { OFFLOAD_SEGMENT_IPV4 };
        OFFLOAD_CHECKSUM | cuts
    }

    fn reset(&mut self) -> Result<(), Refused> {
        self.window.write32(INTERRUPT_DISABLE, u32::MAX);
        self.window.write32(RECEIVE_CONTROL, 0);
        self.window.write32(SEND_CONTROL, 0);
        let control = self.window.read32(CONTROL);
        self.window.write32(CONTROL, control | CONTROL_RESET);
        let done = (0..PATIENCE).any(|_| self.window.read32(CONTROL) & CONTROL_RESET == 0);
        self.window.write32(INTERRUPT_DISABLE, u32::MAX);
        self.window.read32(INTERRUPT_CAUSE);
        if done { Ok(()) } else { Err(Refused::Reset) }
    }

    fn address(&self) -> Result<[u8; 6], Refused> {
        let [a, b, c, d] = self.window.read32(ADDRESS_LOW).to_le_bytes();
        let high = self.window.read32(ADDRESS_HIGH);
        let [e, f, ..] = high.to_le_bytes();
        if high & ADDRESS_VALID == 0 {
            return Err(Refused::Address);
        }
        station([a, b, c, d, e, f])
    }

    fn start(&mut self, receive: u64, send: u64) {
        let control = self.window.read32(CONTROL);
        self.window.write32(CONTROL, control | CONTROL_SPEED_BY_LINK | CONTROL_LINK_UP);
        for word in 0..GROUP_WORDS {
            self.window.write32(GROUPS + 4 * word, 0);
        }
        self.window.write32(CHECKSUM_CONTROL, CHECKSUMS);
        self.window.write32(RECEIVE_DELAY, 0);
        self.window.write32(INTERRUPT_THROTTLE, 0);
        for (ring, base) in [(RECEIVE_RING, receive), (SEND_RING, send)] {
            self.window.write64(ring + BASE, base);
            self.window.write32(ring + LENGTH, RING_BYTES);
            self.window.write32(ring + HEAD, 0);
            self.window.write32(ring + TAIL, 0);
        }
        self.window.write32(SEND_GAP, GAP);
        self.window.write32(SEND_CONTROL, SEND);
        self.window.write32(RECEIVE_CONTROL, RECEIVE);
        self.window.write32(INTERRUPT_ENABLE, INTERRUPTS);
    }

    fn is_up(&self) -> bool {
        self.window.read32(STATUS) & STATUS_LINK_UP != 0
    }

    fn show_buffers(&mut self, tail: usize) {
        self.window.write32(RECEIVE_RING + TAIL, tail as u32);
    }

    fn show_frames(&mut self, tail: usize) {
        self.window.write32(SEND_RING + TAIL, tail as u32);
    }

    fn want_room(&mut self, want: bool) {
        let register = if want { INTERRUPT_ENABLE } else { INTERRUPT_DISABLE };
        self.window.write32(register, INTERRUPT_SENT);
    }

    /// To read why it was is enough.
    fn acknowledge(&mut self) {
        self.window.read32(INTERRUPT_CAUSE);
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use warren_link::controller::Registers as _;
    use warren_window::fake::Plain;

    use super::*;

    /// A controller that ends its reset after so many questions.
    struct Controller {
        plain: Plain,
        questions: Cell<u32>,
    }

    impl Window for Controller {
        fn read8(&self, _: usize) -> u8 {
            unreachable!("registers are read whole")
        }
        fn read16(&self, _: usize) -> u16 {
            unreachable!("registers are read whole")
        }
        fn read32(&self, offset: usize) -> u32 {
            let value = self.plain.read32(offset);
            if offset == CONTROL && value & CONTROL_RESET != 0 && self.questions.get() > 0 {
                self.questions.update(|questions| questions - 1);
                if self.questions.get() == 0 {
                    return value & !CONTROL_RESET;
                }
            }
            value
        }
        fn write8(&mut self, _: usize, _: u8) {
            unreachable!("registers are written whole")
        }
        fn write16(&mut self, _: usize, _: u16) {
            unreachable!("registers are written whole")
        }
        fn write32(&mut self, offset: usize, value: u32) {
            self.plain.write32(offset, value);
        }
    }

    fn controller(questions: u32) -> Registers<Controller> {
        let plain = Plain::new(REGISTER_BYTES);
        let window = Controller { plain, questions: Cell::new(questions) };
        Registers::new(window, REGISTER_BYTES, 0x100e).ok().unwrap()
    }

    #[test]
    fn a_reset_is_waited_for() {
        assert_eq!(controller(3).reset(), Ok(()));
        assert_eq!(controller(0).reset(), Err(Refused::Reset));
        let few = Registers::new(Plain::new(8), REGISTER_BYTES - 1, 0x100e);
        assert_eq!(few.err(), Some(Refused::Registers));
    }

    #[test]
    fn segments_are_cut_by_who_can() {
        let of = |device| Registers::new(Plain::new(8), REGISTER_BYTES, device).ok().unwrap();
        assert_eq!(of(0x100e).offloads(), OFFLOAD_CHECKSUM | OFFLOAD_SEGMENT_IPV4);
        assert_eq!(of(0x1004).offloads(), OFFLOAD_CHECKSUM);
    }

    #[test]
    fn an_address_is_read_if_it_is_one() {
        let mut controller = controller(0);
        let mut with = |low: u32, high: u32| {
            controller.window.plain.write32(ADDRESS_LOW, low);
            controller.window.plain.write32(ADDRESS_HIGH, high);
            controller.address()
        };
        let address = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
        assert_eq!(with(0x1200_5452, 0x8000_5634), Ok(address));
        assert_eq!(with(0x1200_5452, 0x5634), Err(Refused::Address), "it is not valid");
        assert_eq!(with(0x1200_5453, 0x8000_5634), Err(Refused::Address), "that of a group");
        assert_eq!(with(0, 0x8000_0000), Err(Refused::Address), "none");
    }

    #[test]
    fn rings_lie_where_they_are_said_to() {
        let mut controller = controller(0);
        controller.start(0x1_0002_0000, 0x3000);
        controller.show_buffers(255);
        controller.show_frames(3);
        let at = |offset| controller.window.plain.read32(offset);
        let receive = [at(0x2800), at(0x2804), at(0x2808), at(0x2810), at(0x2818)];
        assert_eq!(receive, [0x2_0000, 1, 4096, 0, 255]);
        let send = [at(0x3800), at(0x3804), at(0x3808), at(0x3810), at(0x3818)];
        assert_eq!(send, [0x3000, 0, 4096, 0, 3]);
        assert_eq!(at(RECEIVE_CONTROL) & 1 << 1, 2, "it receives");
    }
}
