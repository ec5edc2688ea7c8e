//! Where a modern virtio device keeps its registers (virtio 1.2, section 4.1.4).
//!
//! Capabilities in the PCI configuration space name a base address register and a range behind it
//! for each group of registers. All of them must lie behind the same one, as in every device known;
//! so one mapping reaches them all. What they say is checked when the mapping's length is known.

use core::ops::RangeInclusive;

const STATUS: u16 = 0x04;
const STATUS_HAS_CAPABILITIES: u32 = 1 << 20;
const FIRST: u16 = 0x34;
const VENDOR: u8 = 0x09;
/// Most capabilities that fit into the configuration space; a longer list is a loop.
const MOST: usize = 48;

/// Numbers of the groups: common, notify, interrupt, device.
const GROUPS: RangeInclusive<u8> = 1..=4;
const NOTIFY: u8 = 2;

/// A range of registers behind the base address register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Offset of its first byte.
    pub offset: u32,
    /// Length in bytes.
    pub bytes: u32,
}

/// Where the groups of registers lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Index of the base address register.
    pub bar: u32,
    /// Features, status, queues.
    pub common: Range,
    /// Doorbells of the queues.
    pub notify: Range,
    /// Bytes between the doorbells.
    pub notify_stride: u32,
    /// Why the device interrupted; reading takes the interrupt back.
    pub interrupt: Range,
    /// What the kind of device defines.
    pub device: Range,
}

/// Finds the groups; `Ok(None)` if the device is no modern virtio device. `read` reads a register of
/// the configuration space.
pub fn find<E>(mut read: impl FnMut(u16) -> Result<u32, E>) -> Result<Option<Places>, E> {
    let mut found = [None; 5];
    let mut stride = 0;
    if read(STATUS)? & STATUS_HAS_CAPABILITIES == 0 {
        return Ok(None);
    }
    let mut at = (read(FIRST)? & 0xfc) as u16;
    for _ in 0..MOST {
        if at < 0x40 {
            break;
        }
        let [id, next, length, group] = read(at)?.to_le_bytes();
        if id == VENDOR && GROUPS.contains(&group) && at <= 0xf0 && length >= 16 {
            let place = &mut found[usize::from(group)];
            // The device lists what it likes best first.
            if place.is_none() {
                let bar = read(at + 4)? & 0xff;
                *place = Some((bar, Range { offset: read(at + 8)?, bytes: read(at + 12)? }));
                if group == NOTIFY && length >= 20 && at <= 0xec {
                    stride = read(at + 16)?;
                }
            }
        }
        at = u16::from(next & 0xfc);
    }
    Ok(places(found, stride))
}

/// The groups, if all are there and behind one base address register.
fn places(found: [Option<(u32, Range)>; 5], notify_stride: u32) -> Option<Places> {
    let [_, Some(common), Some(notify), Some(interrupt), Some(device)] = found else { return None };
    let bar = common.0;
    let together = [notify, interrupt, device].iter().all(|place| place.0 == bar);
    together.then_some(Places {
        bar,
        common: common.1,
        notify: notify.1,
        notify_stride,
        interrupt: interrupt.1,
        device: device.1,
    })
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    fn configuration(bars: [u8; 4]) -> Vec<u8> {
        let mut bytes = vec![0; 256];
        bytes[6] = 0x10;
        bytes[0x34] = 0x40;
        for (index, bar) in bars.into_iter().enumerate() {
            let at = 0x40 + index * 0x20;
            let group = index as u8 + 1;
            let next = if index == 3 { 0 } else { (at + 0x20) as u8 };
            bytes[at..at + 5].copy_from_slice(&[VENDOR, next, 20, group, bar]);
            bytes[at + 9] = 0x10 * group;
            bytes[at + 13] = 0x10;
        }
        bytes[0x70] = 4;
        bytes
    }

    fn find_in(bytes: &[u8]) -> Option<Places> {
        let register = |at: u16| {
            assert!(at.is_multiple_of(4));
            Ok::<_, ()>(u32::from_le_bytes(bytes[usize::from(at)..][..4].try_into().unwrap()))
        };
        find(register).unwrap()
    }

    #[test]
    fn the_groups_of_a_modern_device_are_found() {
        let places = find_in(&configuration([4; 4])).unwrap();
        assert_eq!((places.bar, places.notify_stride), (4, 4));
        assert_eq!(places.common, Range { offset: 0x1000, bytes: 0x1000 });
        assert_eq!(places.device, Range { offset: 0x4000, bytes: 0x1000 });
    }

    #[test]
    fn a_device_without_capabilities_is_not_modern() {
        let mut bytes = configuration([4; 4]);
        bytes[6] = 0;
        assert_eq!(find_in(&bytes), None);
    }

    #[test]
    fn groups_behind_different_registers_are_refused() {
        assert_eq!(find_in(&configuration([4, 4, 2, 4])), None);
    }

    #[test]
    fn a_list_that_bites_its_tail_ends() {
        let mut bytes = configuration([4; 4]);
        bytes[0x41] = 0x40;
        assert_eq!(find_in(&bytes), None);
    }

    proptest! {
        #[test]
        fn any_configuration_space_is_read_within_its_bounds(
            mut bytes in prop::collection::vec(any::<u8>(), 256..=256),
        ) {
            bytes[6] |= 0x10;
            find_in(&bytes);
        }
    }
}
