//! Where devices are: what stands on the command line of small machines, where no bus could be asked.
//!
//! The form is that of Linux's parameter `virtio_mmio.device`, which QEMU's `microvm` and Firecracker write:
//! `BYTES@ADDRESS:LINE`, with a number of the device behind it that nobody needs.

/// Bytes of a device's registers at least: those that all have, and some of its own.
const LEAST_BYTES: u64 = 0x120;

/// One place for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Physical address of its registers.
    pub address: u64,
    /// Number of its interrupt line.
    pub line: u32,
}

/// The places in a list with blanks between them; those that make no sense are left out.
pub fn parse(text: &str) -> impl Iterator<Item = Place> {
    text.split_ascii_whitespace().filter_map(place)
}

fn place(text: &str) -> Option<Place> {
    let (bytes, rest) = text.split_once('@')?;
    let mut parts = rest.split(':');
    let (address, line) = (number(parts.next()?)?, number(parts.next()?)?);
    let fits = size(bytes)? >= LEAST_BYTES && address.is_multiple_of(16);
    (fits && address != 0).then_some(Place { address, line: u32::try_from(line).ok()? })
}

/// A number of bytes, perhaps of KiB or MiB.
fn size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.chars().next_back()? {
        'k' | 'K' => (&text[..text.len() - 1], 1 << 10),
        'm' | 'M' => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    number(digits)?.checked_mul(unit)
}

/// A decimal number, or a hexadecimal one behind `0x`.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_of_known_machines_are_found() {
        let microvm = "512@0xfeb00e00:12 512@0xfeb00c00:11";
        let expected = [(0xfeb0_0e00, 12), (0xfeb0_0c00, 11)];
        let expected = expected.map(|(address, line)| Place { address, line });
        assert!(parse(microvm).eq(expected));
        let firecracker = Place { address: 0xd000_1000, line: 5 };
        assert!(parse("4K@0xd0001000:5").eq([firecracker]));
        assert!(parse("4K@0xd0001000:5:0").eq([firecracker]));
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        for text in
            ["", "512", "512@", "512@0x1000", "16@0x1000:5", "512@0:5", "512@0x1001:5", "K@0x10:1"]
        {
            assert_eq!(parse(text).collect::<Vec<_>>(), [], "{text}");
        }
        assert_eq!(parse("512@0x1000:4294967296").count(), 0);
        assert_eq!(parse("99999999999999999999K@0x1000:5").count(), 0);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,80}") {
            assert!(parse(&text).all(|place| place.address.is_multiple_of(16)));
        }
    }
}
