//! How a function interrupts by messages (PCI Local Bus Specification 3.0, sections 6.7 and 6.8).
//!
//! Pure: `read` reads a register of one function. The function's list of capabilities is believed as far as it cannot do harm: whatever it
//! says, so many steps are taken as entries fit into the configuration space.

use alloc::vec::Vec;

/// Command (16 bits), status (16 bits).
const STATUS: u16 = 0x04;
const STATUS_HAS_CAPABILITIES: u32 = 1 << 20;
const FIRST: u16 = 0x34;
/// Where capabilities may begin.
const HEADER_BYTES: u16 = 0x40;
const SPACE_BYTES: u16 = 256;
/// Most capabilities that fit; a longer list is a loop.
const MOST: usize = 48;

/// Messages whose address and data are registers of the configuration space: MSI.
const IN_REGISTERS: u8 = 0x05;
/// Messages that stand in a table in the function's memory: MSI-X.
const IN_TABLE: u8 = 0x11;
const TABLE_CAPABILITY_BYTES: u16 = 12;

/// Bytes of an entry of the table.
pub const ENTRY_BYTES: u64 = 16;
/// In the first register of the capability: the function sends messages, and no message is held back for all entries.
pub const ENABLED: u32 = 1 << 31;
/// All of them are.
pub const ALL_MASKED: u32 = 1 << 30;

/// Where the table of messages is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// The capability's first register.
    pub control: u16,
    /// Index of the base address register behind which the table lies.
    pub bar: usize,
    /// Offset of its first byte there, a multiple of 8.
    pub offset: u32,
    /// How many entries it has.
    pub entries: u32,
}

impl Table {
    /// Offset of an entry behind the base address register, if that has so many bytes.
    pub fn entry(&self, index: u32, bytes: u64) -> Option<u64> {
        let at = u64::from(self.offset) + u64::from(index) * ENTRY_BYTES;
        (index < self.entries && at + ENTRY_BYTES <= bytes).then_some(at)
    }
}

/// What a function says of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// Its table, if it has one.
    pub table: Option<Table>,
    /// Registers that decide which messages it sends, each the first one and the one behind the last.
    guarded: Vec<(u16, u16)>,
}

impl Messages {
    /// Whether a register decides which messages the function sends.
    pub fn guards(&self, register: u16) -> bool {
        self.guarded.iter().any(|(first, end)| (*first..*end).contains(&register))
    }
}

/// Looks through the capabilities of a function.
pub fn find<E>(mut read: impl FnMut(u16) -> Result<u32, E>) -> Result<Messages, E> {
    let mut messages = Messages::default();
    if read(STATUS)? & STATUS_HAS_CAPABILITIES == 0 {
        return Ok(messages);
    }
    let mut at = (read(FIRST)? & 0xfc) as u16;
    for _ in 0..MOST {
        if at < HEADER_BYTES {
            break;
        }
        let first = read(at)?;
        let [id, next, ..] = first.to_le_bytes();
        let control = (first >> 16) as u16;
        let bytes = match id {
            IN_REGISTERS => bytes_of_registers(control),
            IN_TABLE => TABLE_CAPABILITY_BYTES,
            _ => 0,
        };
        if bytes != 0 {
            messages.guarded.push((at, at + bytes));
        }
        if id == IN_TABLE && messages.table.is_none() && at + bytes <= SPACE_BYTES {
            messages.table = table(at, control, read(at + 4)?);
        }
        at = u16::from(next & 0xfc);
    }
    Ok(messages)
}

/// Length of the capability whose messages stand in registers.
fn bytes_of_registers(control: u16) -> u16 {
    const WIDE: u16 = 1 << 7;
    const MASKS: u16 = 1 << 8;
    let flag = |bit: u16, bytes: u16| if control & bit != 0 { bytes } else { 0 };
    12 + flag(WIDE, 4) + flag(MASKS, 8)
}

fn table(at: u16, control: u16, place: u32) -> Option<Table> {
    let bar = (place & 7) as usize;
    let entries = u32::from(control & 0x7ff) + 1;
    (bar < 6).then_some(Table { control: at, bar, offset: place & !7, entries })
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    fn found(bytes: &[u8]) -> Messages {
        find(|at: u16| {
            assert!(at.is_multiple_of(4));
            Ok::<_, ()>(u32::from_le_bytes(bytes[usize::from(at)..][..4].try_into().unwrap()))
        })
        .unwrap()
    }

    /// A function with the capabilities at these places.
    fn configuration(capabilities: &[(u8, [u8; 8])]) -> Vec<u8> {
        let mut bytes = vec![0; 256];
        bytes[6] = 0x10;
        bytes[0x34] = 0x40;
        for (index, (id, rest)) in capabilities.iter().enumerate() {
            let at = 0x40 + index * 0x20;
            let next = if index + 1 == capabilities.len() { 0 } else { at + 0x20 };
            bytes[at..at + 2].copy_from_slice(&[*id, next as u8]);
            bytes[at + 2..at + 10].copy_from_slice(rest);
        }
        bytes
    }

    #[test]
    fn the_table_of_messages_is_found() {
        let bytes =
            configuration(&[(0x09, [0; 8]), (IN_TABLE, [0x01, 0x80, 0x01, 0x20, 0, 0, 0, 0])]);
        let table = Table { control: 0x60, bar: 1, offset: 0x2000, entries: 2 };
        let messages = found(&bytes);
        assert_eq!(messages.table, Some(table));
        assert_eq!(table.entry(1, 0x2020), Some(0x2010));
        assert_eq!((table.entry(1, 0x201f), table.entry(2, u64::MAX)), (None, None));
    }

    #[test]
    fn registers_that_decide_on_messages_are_guarded() {
        let wide = [0x80, 0, 0, 0, 0, 0, 0, 0];
        let messages = found(&configuration(&[(IN_REGISTERS, wide), (IN_TABLE, [0; 8])]));
        let guarded: Vec<u16> =
            (0..256).step_by(4).filter(|register| messages.guards(*register)).collect();
        assert_eq!(guarded, [0x40, 0x44, 0x48, 0x4c, 0x60, 0x64, 0x68]);
    }

    #[test]
    fn a_function_without_capabilities_sends_no_messages() {
        let mut bytes = configuration(&[(IN_TABLE, [0; 8])]);
        bytes[6] = 0;
        assert_eq!(found(&bytes), Messages::default());
    }

    #[test]
    fn a_table_behind_no_base_address_register_is_none() {
        assert_eq!(found(&configuration(&[(IN_TABLE, [0, 0, 6, 0, 0, 0, 0, 0])])).table, None);
    }

    proptest! {
        #[test]
        fn any_configuration_space_is_read_within_its_bounds(
            mut bytes in prop::collection::vec(any::<u8>(), 256..=256),
        ) {
            bytes[6] |= 0x10;
            let messages = found(&bytes);
            prop_assert!(messages.guarded.len() <= MOST);
        }
    }
}
