//! The controller's registers (Realtek RTL8139C+ datasheet, section 5), and its start.

use warren_idl::{OFFLOAD_CHECKSUM, OFFLOAD_ONLY_IPV4, OFFLOAD_SEGMENT_IPV4};
use warren_link::controller::{self, Refused, station};
use warren_window::Window;

use crate::{receive::Descriptor, transmit::Sender};

const ADDRESS: usize = 0x00;
const GROUPS: usize = 0x08;
const SEND_RING: usize = 0x20;
const COMMAND: usize = 0x37;
const INTERRUPT_ENABLE: usize = 0x3c;
const INTERRUPT_STATUS: usize = 0x3e;
const SEND_CONFIGURATION: usize = 0x40;
const RECEIVE_CONFIGURATION: usize = 0x44;
const MEDIA_STATUS: usize = 0x58;
const SEND_POLL: usize = 0xd9;
const PLUS_COMMAND: usize = 0xe0;
const RECEIVE_RING: usize = 0xe4;
/// Bytes of the registers.
pub const REGISTER_BYTES: usize = 0x100;

const COMMAND_SEND: u8 = 1 << 2;
const COMMAND_RECEIVE: u8 = 1 << 3;
const COMMAND_RESET: u8 = 1 << 4;
/// Rings of descriptors are used, both ways, and checksums of what arrives are checked.
const PLUS: u16 = 1 << 0 | 1 << 1 | 1 << 5;
/// A frame has arrived, well or not; no buffer was there; the link has changed; no room was in the controller.
const INTERRUPTS: u16 = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6;
/// A frame was sent, well or not.
const INTERRUPTS_SENT: u16 = 1 << 2 | 1 << 3;
/// What is for this station, for groups, for all; bursts as long as may be, and no threshold.
const RECEIVE: u32 = 1 << 1 | 1 << 2 | 1 << 3 | 7 << 8 | 7 << 13;
/// Bursts as long as may be; times between frames as they are to be.
const SEND: u32 = 6 << 8 | 3 << 24;
const SEND_NOW: u8 = 1 << 6;
const MEDIA_DOWN: u8 = 1 << 2;

/// The first controller that has rings of descriptors calls itself this revision.
const LEAST_REVISION: u8 = 0x20;

const TOO_OLD: Refused = Refused::Model("the controller is no RTL8139C+, but one of before that");

/// How often the controller is asked whether its reset is done. Each question takes a microsecond on hardware.
const PATIENCE: u32 = 100_000;

/// The registers of one controller.
pub struct Registers<W> {
    window: W,
}

impl<W: Window> Registers<W> {
    /// Takes the registers of a controller of this revision, of which there are `bytes`.
    pub fn new(window: W, bytes: usize, revision: u8) -> Result<Self, Refused> {
        if revision < LEAST_REVISION {
            return Err(TOO_OLD);
        }
        if bytes < REGISTER_BYTES {
            return Err(Refused::Registers);
        }
        Ok(Registers { window })
    }
}

impl<W: Window> controller::Registers for Registers<W> {
    type Descriptors = Descriptor;
    type Sender = Sender;

    fn offloads(&self) -> u32 {
        OFFLOAD_CHECKSUM | OFFLOAD_SEGMENT_IPV4 | OFFLOAD_ONLY_IPV4
    }

    fn reset(&mut self) -> Result<(), Refused> {
        self.window.write16(INTERRUPT_ENABLE, 0);
        self.window.write8(COMMAND, COMMAND_RESET);
        let done = (0..PATIENCE).any(|_| self.window.read8(COMMAND) & COMMAND_RESET == 0);
        self.acknowledge();
        if done { Ok(()) } else { Err(Refused::Reset) }
    }

    fn address(&self) -> Result<[u8; 6], Refused> {
        station([0, 1, 2, 3, 4, 5].map(|at| self.window.read8(ADDRESS + at)))
    }

    fn start(&mut self, receive: u64, send: u64) {
        // The rings exist only once it works in this way.
        self.window.write16(PLUS_COMMAND, PLUS);
        self.window.write64(RECEIVE_RING, receive);
        self.window.write64(SEND_RING, send);
        self.window.write8(COMMAND, COMMAND_SEND | COMMAND_RECEIVE);
        self.window.write32(RECEIVE_CONFIGURATION, RECEIVE);
        self.window.write32(SEND_CONFIGURATION, SEND);
        self.window.write64(GROUPS, u64::MAX);
        self.window.write16(INTERRUPT_ENABLE, INTERRUPTS);
    }

    fn is_up(&self) -> bool {
        self.window.read8(MEDIA_STATUS) & MEDIA_DOWN == 0
    }

    /// It looks for buffers when a frame arrives.
    fn show_buffers(&mut self, _tail: usize) {}

    fn show_frames(&mut self, _tail: usize) {
        self.window.write8(SEND_POLL, SEND_NOW);
    }

    fn want_room(&mut self, want: bool) {
        let sent = if want { INTERRUPTS_SENT } else { 0 };
        self.window.write16(INTERRUPT_ENABLE, INTERRUPTS | sent);
    }

    fn acknowledge(&mut self) {
        let status = self.window.read16(INTERRUPT_STATUS);
        self.window.write16(INTERRUPT_STATUS, status);
    }
}

#[cfg(test)]
mod tests {
    use warren_link::controller::Registers as _;
    use warren_window::fake::Plain;

    use super::*;

    fn controller() -> Registers<Plain> {
        Registers::new(Plain::new(REGISTER_BYTES), REGISTER_BYTES, 0x20).ok().unwrap()
    }

    #[test]
    fn only_controllers_with_rings_are_taken() {
        let with = |bytes, revision| Registers::new(Plain::new(8), bytes, revision).err();
        assert_eq!(with(REGISTER_BYTES, 0x10), Some(TOO_OLD));
        assert_eq!(with(REGISTER_BYTES - 1, 0x20), Some(Refused::Registers));
        assert_eq!(with(REGISTER_BYTES, 0x20), None);
        assert_eq!(controller().reset(), Err(Refused::Reset), "memory does not end a reset");
    }

    #[test]
    fn an_address_is_read_if_it_is_one() {
        let mut controller = controller();
        assert_eq!(controller.address(), Err(Refused::Address));
        controller.window.put(0, &[0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        assert_eq!(controller.address(), Ok([0x52, 0x54, 0, 0x12, 0x34, 0x56]));
        controller.window.put(0, &[0x53]);
        assert_eq!(controller.address(), Err(Refused::Address), "that of a group");
    }

    #[test]
    fn rings_lie_where_they_are_said_to() {
        let mut controller = controller();
        controller.start(0x1_0002_0000, 0x3000);
        let at = |offset| controller.window.read32(offset);
        assert_eq!([at(0xe4), at(0xe8), at(0x20), at(0x24)], [0x2_0000, 1, 0x3000, 0]);
        assert_eq!(controller.window.read8(COMMAND), 0x0c);
    }
}
