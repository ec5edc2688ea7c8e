//! The reader against volumes that `mke2fs` and `debugfs` have made.

mod disk;

use std::{format, string::String, vec, vec::Vec};

use super::{
    blocks::{Check, Steps},
    checksum::checksum,
    directory,
    fault::Fault,
    image::Image,
    inode::{Kind, ROOT},
    map, walk,
};
use disk::{Disk, Random, tree};

const KINDS: [&[&str]; 6] = [
    &["-t", "ext4", "-b", "1024"],
    &["-t", "ext4", "-b", "4096"],
    &["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,^64bit"],
    &["-t", "ext4", "-b", "1024", "-I", "128"],
    &["-t", "ext3", "-b", "1024"],
    &["-t", "ext2", "-b", "1024", "-r", "1"],
];

fn contents(image: &mut Image<'_>, path: &str) -> Result<Vec<u8>, Fault> {
    let inode = walk::resolve(image, path)?;
    image.read(&inode, 0, usize::MAX)
}

fn names(image: &mut Image<'_>, path: &str) -> Vec<String> {
    let inode = walk::resolve(image, path).unwrap();
    let entries = directory::entries(image, &inode).unwrap();
    entries.into_iter().map(|entry| String::from_utf8(entry.name.into()).unwrap()).collect()
}

fn each_kind(check: impl Fn(&mut Image<'_>)) {
    for arguments in KINDS {
        let disk = Disk::new(arguments);
        for cache_blocks in [0, 3, 1000] {
            check(&mut Image::mount(&disk.bytes, cache_blocks).unwrap());
        }
    }
}

#[test]
fn files_have_the_contents_that_were_put_in() {
    each_kind(|image| {
        for (path, expected) in tree::files() {
            assert!(contents(image, path).unwrap() == expected, "{path}");
        }
    });
}

#[test]
fn reading_starts_anywhere() {
    each_kind(|image| {
        for (path, expected) in tree::files() {
            let inode = walk::resolve(image, path).unwrap();
            for offset in [0, 1, 1023, 4096, 13 * 1024 + 1, 270 * 1024 + 5, expected.len()] {
                let wanted = expected.get(offset..).unwrap_or_default();
                let wanted = &wanted[..wanted.len().min(5000)];
                assert!(image.read(&inode, offset as u64, 5000).unwrap() == wanted, "{path}");
            }
        }
    });
}

#[test]
fn directories_are_listed_in_the_order_of_names() {
    each_kind(|image| {
        assert_eq!(names(image, "/many"), tree::many());
        assert_eq!(names(image, "/links"), ["absolute", "loop", "parent", "relative", "slow"]);
        assert!(names(image, "/").contains(&"lost+found".into()));
    });
}

#[test]
fn what_is_at_a_path_is_known() {
    each_kind(|image| {
        let kind = |image: &mut Image<'_>, path| walk::resolve(image, path).map(|inode| inode.kind);
        assert_eq!(kind(image, "/"), Ok(Kind::Directory));
        assert_eq!(kind(image, "/many/"), Ok(Kind::Directory));
        assert_eq!(kind(image, "/many/./../hello"), Ok(Kind::File));
        assert_eq!(kind(image, "/../hello"), Ok(Kind::File));
        assert_eq!(kind(image, "/nothing"), Err(Fault::NotFound));
        assert_eq!(kind(image, "/hello/nothing"), Err(Fault::NotADirectory));
        assert_eq!(kind(image, "hello"), Err(Fault::BadName));
        let long = format!("/{}", "x".repeat(256));
        assert_eq!(walk::resolve(image, &long), Err(Fault::BadName));
        let inode = walk::resolve(image, "/hello").unwrap();
        assert_eq!((inode.bytes, inode.mode & 0o777, inode.modified), (6, 0o640, tree::MODIFIED));
    });
}

#[test]
fn links_are_followed() {
    each_kind(|image| {
        for name in ["absolute", "relative", "slow"] {
            let path = format!("/links/{name}");
            assert_eq!(contents(image, &path).as_deref(), Ok(&b"hello\n"[..]), "{name}");
        }
        assert_eq!(contents(image, "/links/parent/hello").as_deref(), Ok(&b"hello\n"[..]));
        assert_eq!(contents(image, "/links/loop"), Err(Fault::Loop));
    });
}

#[test]
fn a_large_directory_is_searched_although_it_has_a_hash_tree() {
    let mut disk = Disk::new(KINDS[0]);
    disk.run("e2fsck", &["-fyD"]);
    disk.run("debugfs", &["-R", "htree /many"]);
    assert!(disk.output.contains("Root node dump"), "{}", disk.output);
    let mut image = Image::mount(&disk.bytes, 10).unwrap();
    assert_eq!(names(&mut image, "/many"), tree::many());
}

/// The root of an extent tree with these extents: the first block of the file, how many, and where they are.
fn extents(all: &[(u32, u16, u32)]) -> [u8; 60] {
    let head = [0xf30a, all.len() as u16, 4, 0, 0, 0].map(u16::to_le_bytes);
    let entries = all.iter().flat_map(|(first, count, start)| {
        [&first.to_le_bytes()[..], &count.to_le_bytes(), &[0; 2], &start.to_le_bytes()].concat()
    });
    let mut map = [0; 60];
    let bytes = head.into_iter().flatten().chain(entries);
    map.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    map
}

#[test]
fn blocks_lie_together_up_to_where_another_extent_begins() {
    let disk = Disk::new(KINDS[0]);
    let mut image = Image::mount(&disk.bytes, 10).unwrap();
    let mut inode = walk::resolve(&mut image, "/hello").unwrap();
    // Extents that lie one in another are no extents of Linux's.
    inode.map = extents(&[(0, 8, 100), (4, 2, 200), (20, 0x8003, 300)]);
    for (block, expected) in [
        (0, Some(100..104)),
        (3, Some(103..104)),
        (4, Some(200..202)),
        (5, Some(201..202)),
        (6, None),
        (20, None),
    ] {
        let run = image.step(|volume, blocks| map::run(volume, blocks, &inode, block));
        assert_eq!(run, Ok(expected), "{block}");
    }
}

#[test]
fn what_was_set_aside_but_never_written_reads_as_zeroes() {
    let mut disk = Disk::new(KINDS[0]);
    disk.debugfs(&["fallocate /hello 1 40", "set_inode_field /hello size 20000"]);
    let blocks = disk.blocks_of("/hello");
    for block in &blocks[1..] {
        disk.bytes[block * 1024..][..1024].fill(0x55);
    }
    let bytes = contents(&mut Image::mount(&disk.bytes, 10).unwrap(), "/hello").unwrap();
    assert_eq!(bytes[..6], *b"hello\n");
    assert_eq!((bytes.len(), &bytes[6..]), (20000, &vec![0; 19994][..]));
}

#[test]
fn a_volume_that_was_not_unmounted_is_read_with_its_journal() {
    for (features, open) in [
        ("^metadata_csum,^64bit", "journal_open"),
        ("^64bit", "journal_open -c -v 2"),
        ("64bit,metadata_csum", "journal_open -c -v 2"),
        ("64bit,metadata_csum", "journal_open -c -v 3"),
    ] {
        let mut disk = Disk::new(&["-t", "ext4", "-b", "1024", "-O", features]);
        let (hello, large) = (disk.blocks_of("/hello")[0], disk.blocks_of("/large")[0]);
        let old = disk.file(&[b'A'; 1024]);
        // Looks like a block of the journal.
        let new = disk.file(&[&[0xc0, 0x3b, 0x39, 0x98][..], &[b'B'; 1020]].concat());
        disk.debugfs(&[
            open,
            &format!("journal_write -b {hello} {old}"),
            &format!("journal_write -b {large} {old}"),
            &format!("journal_write -r {hello},{large}"),
            &format!("journal_write -b {hello} {new}"),
            "journal_close",
        ]);
        let mut image = Image::mount(&disk.bytes, 10).unwrap();
        let bytes = contents(&mut image, "/hello").unwrap();
        assert_eq!(bytes, [0xc0, 0x3b, 0x39, 0x98, b'B', b'B'], "{features} {open}");
        assert!(contents(&mut image, "/large").unwrap() == tree::files()[2].1, "{features} {open}");
    }
}

#[test]
fn a_volume_with_unknown_features_is_refused() {
    let mut disk = Disk::new(KINDS[2]);
    disk.bytes[1024 + 0x60] |= 0x8;
    assert_eq!(Image::mount(&disk.bytes, 10).err(), Some(Fault::Unsupported));
}

#[test]
fn what_is_no_volume_is_refused() {
    for bytes in [&[][..], &[0; 1024], &[0; 4096], &[0xff; 4096]] {
        assert_eq!(Image::mount(bytes, 10).err(), Some(Fault::Corrupt));
    }
    let disk = Disk::new(KINDS[0]);
    assert_eq!(Image::mount(&disk.bytes[..disk.bytes.len() / 2], 10).err(), Some(Fault::Corrupt));
}

#[test]
fn checksums_are_checked() {
    let disk = Disk::new(KINDS[0]);
    let damaged = |at: usize| {
        let mut bytes = disk.bytes.clone();
        bytes[at] ^= 0x40;
        let mut image = Image::mount(&bytes, 10)?;
        contents(&mut image, "/hello")
    };
    assert_eq!(damaged(1024 + 0x78), Err(Fault::Corrupt));
    assert_eq!(damaged(2048 + 0x10), Err(Fault::Corrupt));
    let inode = disk.inode_offset("/hello");
    assert_eq!(damaged(inode + 0x70), Err(Fault::Corrupt));
    let root = disk.blocks_of("/")[0] * 1024;
    assert_eq!(damaged(root + 1000), Err(Fault::Corrupt));
    let tree = disk.extent_blocks_of("/sparse")[0] * 1024;
    let mut bytes = disk.bytes.clone();
    bytes[tree + 20] ^= 1;
    let mut image = Image::mount(&bytes, 10).unwrap();
    assert_eq!(contents(&mut image, "/sparse"), Err(Fault::Corrupt));
}

#[test]
fn a_block_that_was_checked_is_right_for_its_own_file_only() {
    let disk = Disk::new(KINDS[0]);
    let mut image = Image::mount(&disk.bytes, 10).unwrap();
    let seed = walk::load(&mut image, ROOT).unwrap().seed;
    let number = disk.blocks_of("/")[0] as u64;
    let is_right: Check = |seed, block| {
        let end = block.len() - 12;
        checksum(seed, &block[..end]).to_le_bytes() == block[end + 8..]
    };
    let mut check = |seed| image.step(|_, blocks| blocks.checked(number, seed, is_right).map(drop));
    for _ in 0..2 {
        assert_eq!(check(seed), Ok(()));
        assert_eq!(check(seed.map(|seed| seed ^ 1)), Err(Fault::Corrupt));
    }
}

#[test]
fn where_a_path_led_is_known_as_long_as_there_is_room() {
    each_kind(|image| {
        let paths: Vec<String> = tree::many().iter().map(|name| format!("/many/{name}")).collect();
        let first: Vec<_> = paths.iter().map(|path| walk::resolve(image, path)).collect();
        for (path, first) in paths.iter().zip(first) {
            assert_eq!(walk::resolve(image, path), first);
        }
    });
    let disk = Disk::new(KINDS[0]);
    let mut image = Image::mount(&disk.bytes, 3).unwrap();
    let paths = ["/", "/hello", "/nothing", "/many", "/hello", "/links"];
    paths.iter().for_each(|path| drop(walk::resolve(&mut image, path)));
    let known = paths.map(|path| image.store().known(path).is_some());
    assert_eq!(known, [false, true, false, true, true, true]);
}

#[test]
fn a_directory_of_absurd_length_is_refused() {
    let disk = Disk::new(KINDS[5]);
    let mut image = Image::mount(&disk.bytes, 10).unwrap();
    let mut root = walk::load(&mut image, ROOT).unwrap();
    root.bytes = 1 << 50;
    assert_eq!(directory::entries(&mut image, &root), Err(Fault::Unsupported));
}

#[test]
fn a_damaged_volume_never_does_more_than_fail() {
    let mut random = Random::new(0x5eed);
    for arguments in KINDS {
        let disk = Disk::new(arguments);
        let used: Vec<usize> = disk.metadata();
        for _ in 0..150 {
            let mut bytes = disk.bytes.clone();
            for _ in 0..1 + random.below(12) {
                let at = used[random.below(used.len())] + random.below(1024);
                bytes[at] = random.byte();
            }
            if let Ok(mut image) = Image::mount(&bytes, 20) {
                image.explore(ROOT, 1);
            }
        }
    }
}
