//! Numbers of the tables: fixed ones, ones of variable length, and addresses.

/// How an address is written: the value's form, and what it counts from (Linux Standard Base, `DW_EH_PE`).
pub type Encoding = u8;

/// There is no address.
pub const OMITTED: Encoding = 0xff;
/// Bits of the form.
const FORM: Encoding = 0x0f;
/// The address counts from its own place.
const FROM_HERE: Encoding = 0x10;

/// Bytes of a table that have not been read yet. They are where they are used, so that an address can count from
/// its own place.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes }
    }

    /// Reads from an address on, to the end of a table that the address lies in.
    pub fn at(table: &'a [u8], address: usize) -> Option<Self> {
        let offset = address.checked_sub(table.as_ptr().addr())?;
        table.get(offset..).map(Reader::new)
    }

    /// Address of the next byte.
    pub fn address(&self) -> usize {
        self.bytes.as_ptr().addr()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next bytes, for themselves.
    pub fn split(&mut self, length: usize) -> Option<Reader<'a>> {
        let (bytes, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(Reader { bytes })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*bytes)
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    /// Two bytes.
    pub fn half(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn word(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The text before the next zero, which is read too.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.bytes.iter().position(|byte| *byte == 0)?;
        let (text, rest) = self.bytes.split_at(end);
        self.bytes = rest.get(1..)?;
        Some(text)
    }

    /// Seven bits of each byte until one has the eighth clear: the bits, how many, and the last byte.
    fn variable(&mut self) -> Option<(u64, u32, u8)> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((value, shift + 7, byte));
            }
        }
        None
    }

    /// A number of variable length (LEB128).
    pub fn unsigned(&mut self) -> Option<u64> {
        self.variable().map(|(value, ..)| value)
    }

    /// A number of variable length with a sign.
    pub fn signed(&mut self) -> Option<i64> {
        let (value, bits, last) = self.variable()?;
        let negative = last & 0x40 != 0 && bits < u64::BITS;
        let sign = if negative { u64::MAX << bits } else { 0 };
        Some((value | sign).cast_signed())
    }

    /// A value of the form that an encoding says.
    pub fn value(&mut self, encoding: Encoding) -> Option<usize> {
        let value = match encoding & FORM {
            0x00 | 0x04 | 0x0c => u64::from_le_bytes(self.array()?),
            0x01 => self.unsigned()?,
            0x02 => self.half()?.into(),
            0x03 => self.word()?.into(),
            0x09 => self.signed()?.cast_unsigned(),
            0x0a => i64::from(self.half()?.cast_signed()).cast_unsigned(),
            0x0b => i64::from(self.word()?.cast_signed()).cast_unsigned(),
            _ => return None,
        };
        Some(value as usize)
    }

    /// An address; 0 stays 0 whatever it counts from.
    pub fn pointer(&mut self, encoding: Encoding) -> Option<usize> {
        let here = self.address();
        let value = self.value(encoding)?;
        match encoding & !FORM {
            _ if value == 0 => Some(0),
            0 => Some(value),
            FROM_HERE => Some(here.wrapping_add(value)),
            _ => None,
        }
    }
}
