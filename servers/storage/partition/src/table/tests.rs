use std::{ops::Range, vec, vec::Vec};

use proptest::prelude::*;

use super::{gpt::checksum, *};

const BLOCKS: u64 = 256;

struct Image {
    bytes: Vec<u8>,
    block_bytes: usize,
}

impl Image {
    fn new(block_bytes: usize) -> Self {
        Image { bytes: vec![0; block_bytes * BLOCKS as usize], block_bytes }
    }

    fn put(&mut self, block: u64, offset: usize, bytes: &[u8]) {
        let at = block as usize * self.block_bytes + offset;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn slice(&self, blocks: Range<u64>) -> &[u8] {
        &self.bytes[blocks.start as usize * self.block_bytes..]
            [..(blocks.end - blocks.start) as usize * self.block_bytes]
    }

    fn mbr_entry(&mut self, block: u64, index: usize, kind: u8, first: u32, blocks: u32) {
        self.put(block, 510, &[0x55, 0xaa]);
        self.put(block, 446 + index * 16 + 4, &[kind]);
        self.put(block, 446 + index * 16 + 8, &first.to_le_bytes());
        self.put(block, 446 + index * 16 + 12, &blocks.to_le_bytes());
    }

    fn gpt(&mut self, partitions: &[(u32, u64, u64)]) {
        self.mbr_entry(0, 0, 0xee, 1, u32::MAX);
        let array_blocks = (16384 / self.block_bytes) as u64;
        for (header, array) in [(1, 2), (BLOCKS - 1, BLOCKS - 1 - array_blocks)] {
            for (number, first, last) in partitions {
                let entry = (*number as usize - 1) * 128;
                self.put(array, entry, &[7; 16]);
                self.put(array, entry + 32, &first.to_le_bytes());
                self.put(array, entry + 40, &last.to_le_bytes());
            }
            let sum = !checksum(!0, self.slice(array..array + array_blocks));
            let usable = (2 + array_blocks, BLOCKS - 2 - array_blocks);
            self.gpt_header(header, array, usable, sum);
        }
    }

    fn gpt_header(&mut self, header: u64, array: u64, usable: (u64, u64), sum: u32) {
        self.put(header, 0, b"EFI PART\0\0\x01\0\x5c\0\0\0\0\0\0\0");
        self.put(header, 24, &header.to_le_bytes());
        self.put(header, 40, &usable.0.to_le_bytes());
        self.put(header, 48, &usable.1.to_le_bytes());
        self.put(header, 72, &array.to_le_bytes());
        self.put(header, 80, &128u32.to_le_bytes());
        self.put(header, 84, &128u32.to_le_bytes());
        self.put(header, 88, &sum.to_le_bytes());
        let own = !checksum(!0, &self.slice(header..header + 1)[..92]);
        self.put(header, 16, &own.to_le_bytes());
    }
}

impl Disk for Image {
    type Error = ();
    fn block_bytes(&self) -> usize {
        self.block_bytes
    }
    fn blocks(&self) -> u64 {
        (self.bytes.len() / self.block_bytes) as u64
    }
    fn read(&mut self, block: u64, buffer: &mut [u8]) -> Result<(), ()> {
        buffer.copy_from_slice(self.slice(block..block + 1));
        Ok(())
    }
}

fn extent(first: u64, blocks: u64) -> Result<Extent, TableError<()>> {
    Ok(Extent { first, blocks })
}

#[test]
fn the_checksum_is_the_one_of_the_standard() {
    assert_eq!(!checksum(!0, b"123456789"), 0xcbf4_3926);
}

#[test]
fn a_disk_without_a_table_is_one_partition() {
    let mut image = Image::new(512);
    assert_eq!(locate(&mut image, 0), extent(0, BLOCKS));
    assert_eq!(locate(&mut image, 1), Err(TableError::NoTable));
}

#[test]
fn a_boot_sector_with_code_in_place_of_entries_is_no_table() {
    let mut image = Image::new(512);
    image.mbr_entry(0, 0, 0x83, 10, 20);
    image.put(0, 446 + 16, b"boot");
    assert_eq!(locate(&mut image, 0), extent(0, BLOCKS));
}

#[test]
fn a_boot_sector_with_an_entry_for_itself_is_no_table() {
    let mut image = Image::new(512);
    image.mbr_entry(0, 0, 0x04, 0, 2 * BLOCKS as u32);
    assert_eq!(locate(&mut image, 0), extent(0, BLOCKS));
    assert_eq!(locate(&mut image, 1), Err(TableError::NoTable));
}

#[test]
fn primary_partitions_have_the_numbers_of_their_entries() {
    let mut image = Image::new(512);
    image.mbr_entry(0, 1, 0x83, 10, 20);
    image.mbr_entry(0, 3, 0x83, 40, 216);
    assert_eq!(locate(&mut image, 1), Err(TableError::NoSuchPartition));
    assert_eq!(locate(&mut image, 2), extent(10, 20));
    assert_eq!(locate(&mut image, 4), extent(40, 216));
    assert_eq!(locate(&mut image, 5), Err(TableError::NoSuchPartition));
    assert_eq!(locate(&mut image, 0), extent(10, 20));
}

#[test]
fn a_partition_beyond_the_disk_is_corrupt() {
    let mut image = Image::new(512);
    image.mbr_entry(0, 0, 0x83, 40, 217);
    assert_eq!(locate(&mut image, 1), Err(TableError::CorruptMbr));
}

#[test]
fn logical_partitions_are_found_along_the_chain() {
    let mut image = Image::new(512);
    image.mbr_entry(0, 0, 0x0f, 50, 100);
    image.mbr_entry(50, 0, 0x83, 1, 9);
    image.mbr_entry(50, 1, 0x05, 20, 30);
    image.mbr_entry(70, 0, 0x83, 2, 8);
    assert_eq!(locate(&mut image, 5), extent(51, 9));
    assert_eq!(locate(&mut image, 6), extent(72, 8));
    assert_eq!(locate(&mut image, 7), Err(TableError::NoSuchPartition));
    assert_eq!(locate(&mut image, 0), extent(51, 9));
}

#[test]
fn a_chain_that_bites_its_tail_is_corrupt() {
    let mut image = Image::new(512);
    image.mbr_entry(0, 0, 0x05, 50, 100);
    image.mbr_entry(50, 1, 0x05, 20, 30);
    image.mbr_entry(70, 1, 0x05, 20, 30);
    assert_eq!(locate(&mut image, 5), Err(TableError::CorruptMbr));
}

#[test]
fn gpt_partitions_have_the_numbers_of_their_entries() {
    for block_bytes in [512, 4096] {
        let mut image = Image::new(block_bytes);
        image.gpt(&[(2, 40, 99), (128, 100, 100)]);
        assert_eq!(locate(&mut image, 0), extent(40, 60));
        assert_eq!(locate(&mut image, 1), Err(TableError::NoSuchPartition));
        assert_eq!(locate(&mut image, 2), extent(40, 60));
        assert_eq!(locate(&mut image, 128), extent(100, 1));
        assert_eq!(locate(&mut image, 129), Err(TableError::NoSuchPartition));
    }
}

#[test]
fn a_damaged_header_or_array_is_replaced_by_its_backup() {
    for (block, offset) in [(1, 0), (1, 60), (2, 130), (9, 77)] {
        let mut image = Image::new(512);
        image.gpt(&[(1, 40, 99)]);
        image.put(block, offset, &[0xa5]);
        assert_eq!(locate(&mut image, 1), extent(40, 60), "{block}:{offset}");
    }
}

#[test]
fn a_gpt_without_an_intact_copy_is_corrupt() {
    let mut image = Image::new(512);
    image.gpt(&[(1, 40, 99)]);
    image.put(1, 40, &[1]);
    image.put(BLOCKS - 1, 40, &[1]);
    assert_eq!(locate(&mut image, 1), Err(TableError::CorruptGpt));
    assert_eq!(locate(&mut image, 0), Err(TableError::CorruptGpt));
}

#[test]
fn an_entry_outside_the_usable_blocks_is_corrupt() {
    for (first, last) in [(3, 50), (50, 49), (200, u64::MAX), (u64::MAX, u64::MAX)] {
        let mut image = Image::new(512);
        image.gpt(&[(1, first, last)]);
        assert_eq!(locate(&mut image, 1), Err(TableError::CorruptEntry), "{first}..={last}");
    }
}

proptest! {
    #[test]
    fn whatever_is_found_lies_within_the_disk(
        is_gpt: bool,
        number in 0u32..8,
        damage in prop::collection::vec((0usize..40, 0usize..512, any::<u8>()), 0..20),
    ) {
        let mut image = Image::new(512);
        if is_gpt {
            image.gpt(&[(1, 40, 99), (3, 100, 120)]);
        } else {
            image.mbr_entry(0, 0, 0x83, 1, 9);
            image.mbr_entry(0, 1, 0x05, 20, 30);
            image.mbr_entry(20, 0, 0x83, 1, 9);
            image.mbr_entry(20, 1, 0x05, 10, 9);
            image.mbr_entry(30, 0, 0x83, 1, 9);
        }
        for (block, offset, byte) in damage {
            image.put(block as u64, offset, &[byte]);
        }
        if let Ok(found) = locate(&mut image, number) {
            prop_assert!(found.blocks > 0);
            prop_assert!(found.first.checked_add(found.blocks).unwrap() <= BLOCKS);
        }
    }
}
