use std::{collections::BTreeMap, vec::Vec};

use super::*;

/// A function with registers of which only some bits can be written.
#[derive(Default)]
struct Plugged {
    registers: BTreeMap<u16, (u32, u32)>,
    /// Whether a base address register was touched while the function answered.
    disturbed: bool,
}

#[derive(Default)]
struct Bus {
    functions: BTreeMap<u32, Plugged>,
}

impl Bus {
    fn plug(&mut self, address: u32, registers: &[(u16, u32, u32)]) {
        let plugged = self.functions.entry(address).or_default();
        plugged.registers.insert(COMMAND, (0x10_0003, COMMAND_MASK));
        for (offset, value, mask) in registers {
            plugged.registers.insert(*offset, (*value, *mask));
        }
    }

    fn bars(&mut self) -> [Option<Bar>; 6] {
        search(self).unwrap()[0].bars
    }
}

impl Configuration for Bus {
    type Error = ();
    fn read(&mut self, address: u32, offset: u16) -> Result<u32, ()> {
        let Some(function) = self.functions.get(&address) else { return Ok(!0) };
        Ok(function.registers.get(&offset).map_or(0, |register| register.0))
    }
    fn write(&mut self, address: u32, offset: u16, value: u32) -> Result<(), ()> {
        let function = self.functions.get_mut(&address).unwrap();
        let answers = function.registers[&COMMAND].0 & COMMAND_DECODE != 0;
        function.disturbed |= answers && (BARS..BARS_END).contains(&offset);
        if let Some((register, mask)) = function.registers.get_mut(&offset) {
            *register = *register & !*mask | value & *mask;
        }
        Ok(())
    }
}

fn addresses(bus: &mut Bus) -> Vec<u32> {
    search(bus).unwrap().into_iter().map(|function| function.address).collect()
}

#[test]
fn functions_are_found_in_the_order_of_addresses() {
    let mut bus = Bus::default();
    bus.plug(31 << 3, &[(IDENTITY, 0x1234, 0)]);
    bus.plug(2 << 3, &[(IDENTITY, 0x1042_1af4, 0), (CLASS, 0x0100_0001, 0)]);
    let found = search(&mut bus).unwrap();
    assert_eq!((found[0].vendor, found[0].device), (0x1af4, 0x1042));
    assert_eq!((found[0].class, found[0].address), (0x0100_0001, 16));
    assert_eq!(found[1].address, 248);
}

#[test]
fn further_functions_are_looked_for_only_where_the_first_says_so() {
    let mut bus = Bus::default();
    bus.plug(8, &[(IDENTITY, 1, 0)]);
    bus.plug(9, &[(IDENTITY, 1, 0)]);
    bus.plug(16, &[(IDENTITY, 1, 0), (HEADER, MULTIFUNCTION, 0)]);
    bus.plug(19, &[(IDENTITY, 1, 0)]);
    assert_eq!(addresses(&mut bus), [8, 16, 19]);
}

#[test]
fn what_is_behind_a_bridge_is_found() {
    let bridge = |behind: u32| {
        [(IDENTITY, 1, 0), (CLASS, 0x0604_0000, 0), (HEADER, 1 << 16, 0), (BUSES, behind << 8, 0)]
    };
    let mut bus = Bus::default();
    bus.plug(8, &bridge(2));
    bus.plug(2 << 8, &bridge(0));
    bus.plug(2 << 8 | 8, &[(IDENTITY, 1, 0)]);
    assert_eq!(addresses(&mut bus), [8, 2 << 8, 2 << 8 | 8]);
}

#[test]
fn memory_and_ports_are_measured() {
    let mut bus = Bus::default();
    bus.plug(
        8,
        &[
            (IDENTITY, 1, 0),
            (BARS, 0xc041, 0xffff_ffe0),
            (BARS + 4, 0xfebd_1000, 0xffff_f000),
            (BARS + 16, 0x0000_400c, 0xffff_c000),
            (BARS + 20, 0x0000_0080, 0xffff_ffff),
        ],
    );
    let expected = [
        Some(Bar::Ports { first: 0xc040, count: 32 }),
        Some(Bar::Memory { address: 0xfebd_1000, bytes: 4096 }),
        None,
        None,
        Some(Bar::Memory { address: 0x80_0000_4000, bytes: 16384 }),
        None,
    ];
    assert_eq!(bus.bars(), expected);
}

#[test]
fn a_wide_register_may_be_measured_in_its_upper_half() {
    let mut bus = Bus::default();
    bus.plug(8, &[(IDENTITY, 1, 0), (BARS, 0x4, 0), (BARS + 4, 0x80, 0xffff_fff0)]);
    let expected = Bar::Memory { address: 0x80 << 32, bytes: 16 << 32 };
    assert_eq!(bus.bars()[0], Some(expected));
}

#[test]
fn a_register_without_an_address_is_not_there() {
    let mut bus = Bus::default();
    let registers = [(IDENTITY, 1, 0), (BARS, 1, 0xffff_ffe0), (BARS + 4, 0, 0xffff_f000)];
    bus.plug(8, &registers);
    assert_eq!(bus.bars(), [None; 6]);
}

#[test]
fn measuring_leaves_no_trace_and_disturbs_nobody() {
    let mut bus = Bus::default();
    bus.plug(8, &[(IDENTITY, 1, 0), (BARS, 0xfebd_1000, 0xffff_f000)]);
    search(&mut bus).unwrap();
    let function = &bus.functions[&8];
    assert_eq!(function.registers[&BARS].0, 0xfebd_1000);
    assert_eq!(function.registers[&COMMAND].0, 0x10_0003);
    assert!(!function.disturbed);
}

/// A function whose table of messages, of two entries, lies at `place` behind its second base address register, 16 KiB at 1 MiB.
fn with_table(place: u32) -> Function {
    let mut bus = Bus::default();
    let capabilities = [
        (0x34, 0x40, 0),
        (0x40, 0x0001_0011, 0),
        (0x44, place | 1, 0),
        (BARS + 4, 0x10_0000, 0xffff_c000),
        (IDENTITY, 1, 0),
    ];
    bus.plug(8, &capabilities);
    search(&mut bus).unwrap().remove(0)
}

#[test]
fn memory_is_open_up_to_the_page_with_the_table_of_messages() {
    assert_eq!(with_table(0x2800).open_bytes(1, 0x4000), 0x2000);
    assert_eq!(with_table(0x2800).open_bytes(0, 0x4000), 0x4000);
    assert_eq!(with_table(0x800).open_bytes(1, 0x4000), 0);
}

#[test]
fn an_entry_is_found_if_all_of_it_is_in_the_functions_memory() {
    let entry = |place: u32, index: u32| with_table(place).message(index).map(|found| found.1);
    assert_eq!(entry(0x2800, 0), Some(0x10_2800));
    assert_eq!(entry(0x2800, 1), Some(0x10_2810));
    assert_eq!(entry(0x2800, 2), None);
    assert_eq!(entry(0x3ff0, 0), Some(0x10_3ff0));
    assert_eq!(entry(0x3ff0, 1), None);
}
