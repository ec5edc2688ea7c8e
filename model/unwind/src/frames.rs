//! The records of functions in `.eh_frame`: which one an instruction belongs to.
//!
//! The section is a list of two kinds of record (Linux Standard Base, "Exception Frames"): one for each function, and
//! those that several functions have in common. It is searched from its start. An index would be faster and
//! larger; a panic is seldom.

use crate::reader::{Encoding, OMITTED, Reader};

/// What several functions have in common.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    /// What locations of instructions are counted in, in bytes.
    pub code_unit: u64,
    /// What places on the stack are counted in, in bytes.
    pub data_unit: i64,
    /// The rows' program up to the function's first instruction.
    pub program: Reader<'a>,
    /// How the function's addresses are written.
    addresses: Encoding,
    /// How the address of its table of pads is written.
    pads: Encoding,
    /// Whether its record has a part of a length that is given.
    augmented: bool,
}

/// One function.
#[derive(Clone, Copy, Debug)]
pub struct Function<'a> {
    /// Its first address.
    pub start: usize,
    /// Bytes of its text.
    pub length: usize,
    /// Address of its table of pads; 0 if it has none.
    pub pads: usize,
    /// The rows' program.
    pub program: Reader<'a>,
    /// What it shares with others.
    pub common: Common<'a>,
}

/// The record of the function that the instruction at `address` belongs to.
pub fn find(section: &[u8], address: usize) -> Option<Function<'_>> {
    functions(section).find(|one| address.wrapping_sub(one.start) < one.length)
}

/// All functions of a section that this module understands.
pub fn functions(section: &[u8]) -> impl Iterator<Item = Function<'_>> {
    let mut rest = Reader::new(section);
    let records = core::iter::from_fn(move || {
        let length = rest.word().filter(|length| *length != 0)?;
        rest.split(length as usize)
    });
    records.filter_map(|record| function(section, record))
}

/// Takes a record apart, if it is one of a function.
fn function<'a>(section: &'a [u8], mut record: Reader<'a>) -> Option<Function<'a>> {
    let here = record.address();
    let distance = record.word().filter(|distance| *distance != 0)?;
    let common = common(Reader::at(section, here.checked_sub(distance as usize)?)?)?;
    let start = record.pointer(common.addresses)?;
    let length = record.value(common.addresses)?;
    let mut pads = 0;
    if common.augmented {
        let bytes = record.unsigned()?;
        let mut augmentation = record.split(usize::try_from(bytes).ok()?)?;
        if common.pads != OMITTED {
            pads = augmentation.pointer(common.pads)?;
        }
    }
    Some(Function { start, length, pads, program: record, common })
}

/// Takes apart what functions have in common.
fn common(mut section: Reader<'_>) -> Option<Common<'_>> {
    let length = section.word()?;
    let mut record = section.split(length as usize)?;
    // The kind of record, and the only version that compilers write into this section.
    if (record.word()?, record.byte()?) != (0, 1) {
        return None;
    }
    let letters = record.text()?;
    let code_unit = record.unsigned()?;
    let data_unit = record.signed()?;
    // The register that returns are by: there is only one.
    record.byte()?;
    let (mut addresses, mut pads) = (0, OMITTED);
    let augmented = letters.first() == Some(&b'z');
    if augmented {
        let bytes = record.unsigned()?;
        let mut augmentation = record.split(usize::try_from(bytes).ok()?)?;
        for letter in &letters[1..] {
            match letter {
                b'R' => addresses = augmentation.byte()?,
                b'L' => pads = augmentation.byte()?,
                b'P' => {
                    let encoding = augmentation.byte()?;
                    augmentation.value(encoding)?;
                }
                b'S' => (),
                _ => return None,
            }
        }
    } else if !letters.is_empty() {
        return None;
    }
    Some(Common { code_unit, data_unit, program: record, addresses, pads, augmented })
}
