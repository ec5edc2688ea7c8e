//! Tables by hand over a stack by hand, the tables of a real program, and tables of nonsense.

extern crate std;

use std::{vec, vec::Vec};

use proptest::prelude::*;

use crate::{
    Image, Landing, Registers, frames,
    pads::{self, Met},
    reader::Reader,
    rows,
};

/// Text of the server in these tests. Nothing lies there; only the addresses matter.
const TEXT: core::ops::Range<usize> = 0x1000..0x2000;
/// Where the entry returns to.
const OUTSIDE: u64 = 0x9000;

/// A function's record: where it starts, its program, and what its table of pads is.
struct Record {
    start: u64,
    program: Vec<u8>,
    pads: Option<Vec<u8>>,
}

/// Bytes of each function in these tests.
const FUNCTION_BYTES: u64 = 0x100;

/// The tables of some functions.
struct Tables {
    frames: Vec<u8>,
    pads: Vec<u8>,
}

impl Tables {
    fn new(records: &[Record]) -> Self {
        // Filled before addresses in it are written down, so that it does not move any more.
        let pads: Vec<u8> = records.iter().filter_map(|one| one.pads.clone()).flatten().collect();
        let mut frames = Vec::new();
        // Version 1, "zPLR", code in bytes, data in -8; a personality, tables and addresses as eight bytes.
        let mut common = vec![0, 0, 0, 0, 1, b'z', b'P', b'L', b'R', 0, 1, 0x78, 16, 11, 0];
        common.extend([0; 8]);
        common.extend([0, 0]);
        // The frame is 8 above rsp; the return address lies 8 below it.
        common.extend([0x0c, 7, 8, 0x90, 1]);
        append(&mut frames, &common);
        let mut table = pads.as_ptr().addr();
        for one in records {
            let mut record = (frames.len() as u32 + 4).to_le_bytes().to_vec();
            record.extend(one.start.to_le_bytes());
            record.extend(FUNCTION_BYTES.to_le_bytes());
            record.push(8);
            let address = one.pads.as_ref().map_or(0, |_| table);
            table += one.pads.as_ref().map_or(0, Vec::len);
            record.extend(address.to_le_bytes());
            record.extend(&one.program);
            append(&mut frames, &record);
        }
        Tables { frames, pads }
    }

    fn image(&self) -> Image<'_> {
        Image { text: TEXT, frames: &self.frames, pads: &self.pads }
    }
}

/// Adds a record with its length before it.
fn append(section: &mut Vec<u8>, record: &[u8]) {
    section.extend((record.len() as u32).to_le_bytes());
    section.extend(record);
}

/// A table of pads with one entry for all calls of the function: the distance to its pad, and its action.
fn calls(pad: u8, action: u8, kind: u8) -> Vec<u8> {
    let entry = [0, 0x80, 0x02, pad, action];
    // No base, no types, numbers of variable length; then the entries, then the kind of action 1 and no next one.
    let mut table = vec![0xff, 0xff, 0x01, entry.len() as u8];
    table.extend(entry);
    table.extend([kind, 0]);
    table
}

/// A function that saves rbx and has `words` on the stack below it, from its sixteenth byte on.
fn saves_rbx(words: u8) -> Vec<u8> {
    vec![0x50, 0x0e, 16 + words * 8, 0x83, 2]
}

/// Puts a stack down: the function at 0x1100 is called by the one at 0x1000, which is the entry.
fn stack() -> [u64; 8] {
    // One word of the inner function, its rbx, its return address; three of the outer one, its rbx, its return address.
    [1, 0xb1, 0x1020, 2, 3, 4, 0xb2, OUTSIDE]
}

fn records(outer: Option<Vec<u8>>, inner: Option<Vec<u8>>) -> [Record; 2] {
    [
        Record { start: 0x1000, program: saves_rbx(3), pads: outer },
        Record { start: 0x1100, program: saves_rbx(1), pads: inner },
    ]
}

/// Registers at a call in the inner function, with what is in the others.
fn at_call(stack: &[u64; 8]) -> Registers {
    let rsp = stack.as_ptr().addr() as u64;
    Registers { rbx: 0xb0, rbp: 0x55, r12: [12, 13, 14, 15], rsp, rip: 0x1130 }
}

/// Goes on, on the stack by hand.
#[expect(unsafe_code, reason = "the stack is one")]
fn next(tables: &Tables, registers: Registers) -> Option<Landing> {
    // SAFETY: the tables say of the stack what was put there.
    unsafe { tables.image().next(registers) }
}

#[expect(unsafe_code, reason = "the stack is one")]
fn lets_through(tables: &Tables, registers: Registers) -> bool {
    // SAFETY: the tables say of the stack what was put there.
    unsafe { tables.image().lets_through(registers) }
}

#[test]
fn the_way_out_ends_behind_the_entry_with_the_callers_registers() {
    let stack = stack();
    let tables = Tables::new(&records(None, None));
    let registers = at_call(&stack);
    assert!(lets_through(&tables, registers));
    let rsp = registers.rsp + 64;
    let out = Registers { rbx: 0xb2, rsp, rip: OUTSIDE, ..registers };
    assert_eq!(next(&tables, registers), Some(Landing::Out(out)));
}

#[test]
fn each_pad_on_the_way_is_landed_in() {
    let stack = stack();
    let tables = Tables::new(&records(Some(calls(0x40, 0, 0)), Some(calls(0x50, 0, 0))));
    let registers = at_call(&stack);
    assert!(lets_through(&tables, registers));
    let inner = Registers { rip: 0x1150, ..registers };
    assert_eq!(next(&tables, registers), Some(Landing::Pad(inner)));
    let outer = Registers { rbx: 0xb1, rsp: registers.rsp + 24, rip: 0x1020, ..registers };
    assert_eq!(next(&tables, outer), Some(Landing::Pad(Registers { rip: 0x1040, ..outer })));
}

#[test]
fn a_pad_whose_action_is_none_for_a_type_is_landed_in() {
    let stack = stack();
    let tables = Tables::new(&records(None, Some(calls(0x50, 1, 0))));
    let landing = next(&tables, at_call(&stack));
    assert!(matches!(landing, Some(Landing::Pad(Registers { rip: 0x1150, .. }))), "{landing:?}");
}

#[test]
fn a_handler_on_the_way_lets_nothing_through() {
    let stack = stack();
    for kind in [1, 0x7f] {
        let tables = Tables::new(&records(Some(calls(0x40, 1, kind)), None));
        assert!(!lets_through(&tables, at_call(&stack)));
        assert_eq!(next(&tables, at_call(&stack)), None);
    }
}

#[test]
fn a_call_that_is_not_in_the_table_lets_nothing_through() {
    let stack = stack();
    let no_calls = vec![0xff, 0xff, 0x01, 0];
    let tables = Tables::new(&records(None, Some(no_calls)));
    assert!(!lets_through(&tables, at_call(&stack)));
}

#[test]
fn a_call_without_a_pad_is_just_left() {
    let stack = stack();
    let tables = Tables::new(&records(Some(calls(0x40, 0, 0)), Some(calls(0, 0, 0))));
    let landing = next(&tables, at_call(&stack));
    assert!(matches!(landing, Some(Landing::Pad(Registers { rip: 0x1040, .. }))), "{landing:?}");
}

#[test]
fn arguments_that_are_pushed_at_a_call_are_gone_in_its_pad() {
    let stack = stack();
    let mut program = saves_rbx(1);
    program.extend([0x2e, 24]);
    let pads = Some(calls(0x50, 0, 0));
    let tables = Tables::new(&[Record { start: 0x1100, program, pads }]);
    let registers = at_call(&stack);
    let pad = Registers { rsp: registers.rsp + 24, rip: 0x1150, ..registers };
    assert_eq!(next(&tables, registers), Some(Landing::Pad(pad)));
}

#[test]
fn text_that_no_record_is_for_lets_nothing_through() {
    let stack = stack();
    let tables = Tables::new(&[]);
    assert!(!lets_through(&tables, at_call(&stack)));
}

#[test]
fn a_call_that_is_the_last_instruction_of_the_text_is_inside_of_it() {
    let stack = stack();
    let mut records = records(None, None);
    records[1].start = TEXT.end as u64 - FUNCTION_BYTES;
    let tables = Tables::new(&records);
    let registers = Registers { rip: TEXT.end as u64, ..at_call(&stack) };
    let landing = next(&tables, registers);
    assert!(matches!(landing, Some(Landing::Out(Registers { rip: OUTSIDE, .. }))), "{landing:?}");
}

/// The row of a function of this program, at an offset.
fn row(program: &[u8], offset: usize) -> Option<rows::At> {
    let record = Record { start: 0x1000, program: program.to_vec(), pads: None };
    let tables = Tables::new(&[record]);
    let function = frames::find(&tables.frames, 0x1000)?;
    rows::row(&function, 0x1000 + offset)
}

#[test]
fn a_row_is_that_of_the_instruction() {
    let program = [0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x60, 0x0c, 7, 8];
    let at = |offset| row(&program, offset).map(|at| (at.row.base, at.row.offset, at.row.saved[6]));
    assert_eq!(at(0), Some((7, 8, None)));
    assert_eq!(at(1), Some((7, 16, Some(-16))));
    assert_eq!(at(4), Some((6, 16, Some(-16))));
    assert_eq!(at(0x50), Some((7, 8, Some(-16))));
}

#[test]
fn a_remembered_row_comes_back() {
    let program = [0x0e, 32, 0x83, 3, 0x0a, 0x41, 0x0e, 8, 0xc3, 0x41, 0x0b];
    let at = |offset| row(&program, offset).map(|at| (at.row.offset, at.row.saved[3]));
    assert_eq!(at(0), Some((32, Some(-24))));
    assert_eq!(at(1), Some((8, None)));
    assert_eq!(at(2), Some((32, Some(-24))));
}

#[test]
fn a_program_that_is_not_understood_has_no_row() {
    let expression = [0x0f, 1, 0x30];
    let recalls_nothing = [0x0b];
    let register_that_is_not_there = [0x91, 1];
    let cut_off = [0x0e];
    for program in [&expression[..], &recalls_nothing, &register_that_is_not_there, &cut_off] {
        assert_eq!(row(program, 1), None, "{program:x?}");
    }
}

#[test]
fn numbers_of_variable_length_keep_their_sign() {
    let mut reader = Reader::new(&[0x7f, 0x80, 0x7f, 0xe5, 0x8e, 0x26, 0xff, 0x00]);
    assert_eq!(reader.signed(), Some(-1));
    assert_eq!(reader.signed(), Some(-128));
    assert_eq!(reader.unsigned(), Some(624_485));
    assert_eq!(reader.signed(), Some(127));
    assert_eq!(reader.signed(), None);
}

#[test]
fn every_function_of_this_program_is_understood() {
    let program = std::env::current_exe().expect("a program knows its file");
    let program = std::fs::read(program).expect("its file can be read");
    let file = elf::ElfBytes::<elf::endian::LittleEndian>::minimal_parse(&program);
    let file = file.expect("it is an ELF file");
    let header = file.section_header_by_name(".eh_frame").expect("it has sections");
    let (section, _) = file.section_data(&header.expect("it has frames")).expect("they are there");
    let mut found = 0;
    let mut strange = Vec::new();
    for function in frames::functions(section) {
        let last = function.start.wrapping_add(function.length - 1);
        if rows::row(&function, last).is_none() {
            strange.push(function);
        }
        found += 1;
    }
    // The C library's start, which does not return, and the table of procedures in shared libraries.
    assert!(strange.len() <= 3, "{strange:x?}");
    assert!(found > 1000, "{found} functions");
}

proptest! {
    #[test]
    fn tables_of_nonsense_are_refused_without_a_panic(
        section in proptest::collection::vec(any::<u8>(), 0..200),
        address: usize,
        at in 0..300_usize,
    ) {
        for function in frames::functions(&section) {
            let _ = rows::row(&function, function.start.wrapping_add(at));
        }
        let table = section.as_ptr().addr().wrapping_add(at);
        let _ = pads::meet(&section, table, address, address.wrapping_add(at));
    }

    #[test]
    fn tables_with_bytes_changed_are_understood_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        offset in 0..FUNCTION_BYTES as usize,
    ) {
        let mut tables = Tables::new(&records(Some(calls(0x40, 1, 0)), Some(calls(0x50, 0, 0))));
        for (index, byte) in changes {
            let all = tables.frames.len() + tables.pads.len();
            match index.index(all).checked_sub(tables.frames.len()) {
                None => *index.get_mut(&mut tables.frames) = byte,
                Some(at) => tables.pads[at] = byte,
            }
        }
        let address = 0x1100 + offset;
        if let Some(function) = frames::find(&tables.frames, address) {
            let _ = rows::row(&function, address);
            let met = pads::meet(&tables.pads, function.pads, function.start, address);
            prop_assert!(matches!(met, Met::Nothing | Met::Pad(_) | Met::Wall));
        }
    }
}
