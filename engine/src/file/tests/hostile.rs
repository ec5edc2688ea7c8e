//! Files that nobody would make by accident.

extern crate std;

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;
use crate::space::Protection;

/// Whatever was accepted keeps the promises of an accepted file.
fn promises(bytes: &[u8]) {
    let Ok(file) = ServerFile::parse(bytes) else { return };
    let image = file.image(0x1000_0000_0000, |_| 0x5555);
    let mut free = 0;
    for segment in &image.segments {
        assert_ne!(segment.protection, Protection::ReadWrite);
        assert!(segment.offset >= free && segment.bytes.len() as u64 <= segment.memory_bytes);
        free = segment.offset + segment.memory_bytes;
    }
    assert!(free <= crate::file::limits::IMAGE_BYTES);
    assert_eq!(image.descriptor.kinds.len(), file.description().kinds().len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_file_with_bytes_changed_is_accepted_or_refused(
        changes in vec((any::<Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = Example::new().bytes();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        promises(&bytes);
    }

    #[test]
    fn a_file_with_words_of_its_tables_changed_is_accepted_or_refused(
        changes in vec((0usize..200, any::<u64>(), 0u32..64), 1..4),
    ) {
        let mut bytes = Example::new().bytes();
        let tables = bytes.len() - 8 * 200;
        for (at, value, shift) in changes {
            let at = tables + 8 * at;
            bytes[at..at + 8].copy_from_slice(&(value >> shift).to_le_bytes());
        }
        promises(&bytes);
    }

    #[test]
    fn a_file_with_its_headers_changed_is_accepted_or_refused(
        changes in vec((0usize..288, any::<u8>()), 1..6),
    ) {
        let mut bytes = Example::new().bytes();
        for (at, value) in changes {
            bytes[at] = value;
        }
        promises(&bytes);
    }

    #[test]
    fn a_file_that_is_cut_off_is_accepted_or_refused(end in any::<Index>()) {
        let bytes = Example::new().bytes();
        promises(&bytes[..end.index(bytes.len())]);
    }
}
