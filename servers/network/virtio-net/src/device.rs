//! What a network device says of itself, and what is agreed on with it (virtio 1.2, section 5.1).

use warren_idl::{LinkDescription, OFFLOAD_CHECKSUM, OFFLOAD_SEGMENT_IPV4, OFFLOAD_SEGMENT_IPV6};
use warren_virtio::transport::{Refused, Registers, Transport};

const FEATURE_CHECKSUM: u64 = 1 << 0;
const FEATURE_RECEIVE_CHECKSUM: u64 = 1 << 1;
const FEATURE_MTU: u64 = 1 << 3;
const FEATURE_ADDRESS: u64 = 1 << 5;
const FEATURE_RECEIVE_IPV4: u64 = 1 << 7;
const FEATURE_RECEIVE_IPV6: u64 = 1 << 8;
const FEATURE_SEGMENT_IPV4: u64 = 1 << 11;
const FEATURE_SEGMENT_IPV6: u64 = 1 << 12;
const FEATURE_MERGE: u64 = 1 << 15;
const FEATURE_STATUS: u64 = 1 << 16;
const FEATURE_CONTROL: u64 = 1 << 17;
const FEATURE_PAIRS: u64 = 1 << 22;

/// Features that are used, with any device that can fill several buffers with one frame.
const FEATURES: u64 = FEATURE_CHECKSUM
    | FEATURE_RECEIVE_CHECKSUM
    | FEATURE_MTU
    | FEATURE_ADDRESS
    | FEATURE_RECEIVE_IPV4
    | FEATURE_RECEIVE_IPV6
    | FEATURE_SEGMENT_IPV4
    | FEATURE_SEGMENT_IPV6
    | FEATURE_MERGE
    | FEATURE_STATUS
    | FEATURE_CONTROL
    | FEATURE_PAIRS;

const CONFIG_ADDRESS: u32 = 0;
const CONFIG_STATUS: u32 = 6;
const CONFIG_PAIRS: u32 = 8;
const CONFIG_MTU: u32 = 10;
/// Bytes of the device's own registers that are used.
pub const CONFIG_BYTES: u32 = 12;

const STATUS_UP: u8 = 1;

/// Bytes of a packet if the device does not say.
const DEFAULT_MTU: u32 = 1500;
/// What any station must be able to receive (RFC 791), and what fits into the buffers of one frame.
const LEAST_MTU: u32 = 576;
const MOST_MTU: u32 = 65_535;

/// Most pairs that a device can have: behind them is the queue for commands, whose index has two bytes.
const MOST_PAIRS: u16 = 0x7fff;

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// What the device is, as long as it uses one pair of queues: it does so from its start on.
    pub description: LinkDescription,
    /// How many pairs it has.
    pub pairs: u16,
}

impl Agreed {
    /// The index of the queue for commands.
    pub fn control(&self) -> u16 {
        2 * self.pairs
    }
}

/// Agrees with a device that was reset on how it works.
pub fn agree<R: Registers + ?Sized>(device: &mut Transport<R>) -> Result<Agreed, Refused> {
    let offered = device.offered();
    let features = device.negotiate(wanted(offered))?;
    let has = |feature| features & feature != 0;
    if !has(FEATURE_ADDRESS) {
        return Err(Refused::Impossible("it has no address of its own"));
    }
    let (address, status, mtu, pairs) = device.config(|registers| {
        let byte = |at: u32| registers.config8(at);
        let half = |at: u32| u16::from_le_bytes([byte(at), byte(at + 1)]);
        let address = [0, 1, 2, 3, 4, 5].map(|at| byte(CONFIG_ADDRESS + at));
        (address, byte(CONFIG_STATUS), u32::from(half(CONFIG_MTU)), half(CONFIG_PAIRS))
    })?;
    if address[0] & 1 != 0 || address == [0; 6] {
        return Err(Refused::Impossible("its address is none of a station"));
    }
    let mtu = if has(FEATURE_MTU) { mtu } else { DEFAULT_MTU };
    if !(LEAST_MTU..=MOST_MTU).contains(&mtu) {
        return Err(Refused::Impossible("its packets have an impossible size"));
    }
    let pairs = if has(FEATURE_PAIRS) { pairs } else { 1 };
    if !(1..=MOST_PAIRS).contains(&pairs) {
        return Err(Refused::Impossible("it has an impossible number of queues"));
    }
    let offload = |feature, offload| if has(feature) { offload } else { 0 };
    let description = LinkDescription {
        address,
        up: u16::from(!has(FEATURE_STATUS) || status & STATUS_UP != 0),
        mtu,
        offloads: offload(FEATURE_CHECKSUM, OFFLOAD_CHECKSUM)
            | offload(FEATURE_SEGMENT_IPV4, OFFLOAD_SEGMENT_IPV4)
            | offload(FEATURE_SEGMENT_IPV6, OFFLOAD_SEGMENT_IPV6),
        pairs: 1,
    };
    Ok(Agreed { description, pairs })
}

/// The features that are wanted of those that are offered. Some mean something only together with others (section 5.1.3.1).
fn wanted(offered: u64) -> u64 {
    let has = |feature| offered & feature != 0;
    let without = |needed, dependent| if has(needed) { 0 } else { dependent };
    FEATURES
        & !without(FEATURE_CHECKSUM, FEATURE_SEGMENT_IPV4 | FEATURE_SEGMENT_IPV6)
        & !without(FEATURE_RECEIVE_CHECKSUM, FEATURE_RECEIVE_IPV4 | FEATURE_RECEIVE_IPV6)
        // Frames that are put together by the device do not fit into one buffer.
        & !without(FEATURE_MERGE, FEATURE_RECEIVE_IPV4 | FEATURE_RECEIVE_IPV6)
        // There is nothing else to be said to the device than how many pairs are used.
        & !without(FEATURE_CONTROL, FEATURE_PAIRS)
        & !without(FEATURE_PAIRS, FEATURE_CONTROL)
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use warren_virtio::{QueuePlace, transport::FEATURE_MODERN};

    use super::*;

    struct Device {
        offered: u64,
        accepted: u64,
        config: [u8; CONFIG_BYTES as usize],
        status: u8,
    }

    impl Registers for Device {
        fn offered(&mut self) -> u64 {
            self.offered | FEATURE_MODERN
        }
        fn accept(&mut self, features: u64) {
            self.accepted = features;
        }
        fn status(&self) -> u8 {
            self.status
        }
        fn set_status(&mut self, status: u8) {
            self.status = status;
        }
        fn generation(&self) -> u32 {
            0
        }
        fn config8(&self, register: u32) -> u8 {
            self.config[register as usize]
        }
        fn config32(&self, _: u32) -> u32 {
            unreachable!("a network device's registers are read by bytes")
        }
        fn enable_queue(&mut self, _: u16, _: &QueuePlace) -> Result<(), Refused> {
            Ok(())
        }
        fn ring_doorbell(&mut self, _: u16) {}
        fn interrupt_by(&mut self, _: u16, _: u16) {}
        fn acknowledge(&mut self) {}
    }

    const CONFIG: [u8; 12] = [0x52, 0x54, 0, 0x12, 0x34, 0x56, 1, 0, 3, 1, 0x28, 0x23];

    fn agreed_on(offered: u64, config: [u8; 12]) -> Result<Agreed, Refused> {
        let device = Device { offered, accepted: 0, config, status: 0 };
        agree(&mut Transport::new(Box::new(device)).unwrap())
    }

    fn agreed(offered: u64, config: [u8; 12]) -> Result<LinkDescription, Refused> {
        agreed_on(offered, config).map(|agreed| agreed.description)
    }

    #[test]
    fn what_the_device_says_is_taken_over() {
        let all = OFFLOAD_CHECKSUM | OFFLOAD_SEGMENT_IPV4 | OFFLOAD_SEGMENT_IPV6;
        let address = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
        let expected = LinkDescription { address, up: 1, mtu: 9000, offloads: all, pairs: 1 };
        assert_eq!(agreed(u64::MAX, CONFIG), Ok(expected));
        let plain = LinkDescription { mtu: 1500, offloads: 0, ..expected };
        assert_eq!(agreed(FEATURE_ADDRESS, CONFIG), Ok(plain));
    }

    #[test]
    fn a_link_without_connection_is_down() {
        let mut config = CONFIG;
        config[6] = 0;
        assert_eq!(agreed(u64::MAX, config).unwrap().up, 0);
        assert_eq!(agreed(FEATURE_ADDRESS, config).unwrap().up, 1, "it cannot say so");
    }

    #[test]
    fn a_device_has_several_pairs_if_it_can_be_told_how_many_are_used() {
        let agreed = agreed_on(u64::MAX, CONFIG).unwrap();
        assert_eq!((agreed.pairs, agreed.control()), (0x103, 0x206));
        for without in [FEATURE_PAIRS, FEATURE_CONTROL] {
            assert_eq!(agreed_on(!without, CONFIG).unwrap().pairs, 1);
            assert_eq!(wanted(!without) & !without & (FEATURE_PAIRS | FEATURE_CONTROL), 0);
        }
    }

    #[test]
    fn impossible_devices_are_refused() {
        let with = |at: usize, value: u8| {
            let mut config = CONFIG;
            config[at] = value;
            agreed(u64::MAX, config)
        };
        assert!(with(0, 0x53).is_err(), "an address of a group");
        assert!(with(11, 0).is_err(), "packets of 40 bytes");
        assert!(with(9, 0x80).is_err(), "queues whose indices are too great");
        assert!(agreed(0, CONFIG).is_err(), "no address");
        assert!(agreed(u64::MAX, [0; 12]).is_err());
        let mut none = CONFIG;
        none[8..10].fill(0);
        assert!(agreed(u64::MAX, none).is_err(), "no queues");
        assert!(agreed(!FEATURE_PAIRS, none).is_ok(), "it does not say how many");
    }

    #[test]
    fn features_that_need_others_are_not_wanted_alone() {
        let receive = FEATURE_RECEIVE_IPV4 | FEATURE_RECEIVE_IPV6;
        assert_eq!(wanted(u64::MAX), FEATURES);
        assert_eq!(wanted(!FEATURE_MERGE) & receive, 0);
        assert_eq!(wanted(!FEATURE_RECEIVE_CHECKSUM) & receive, 0);
        assert_eq!(wanted(!FEATURE_CHECKSUM) & FEATURE_SEGMENT_IPV4, 0);
    }
}
