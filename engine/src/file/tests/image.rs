use super::{
    example::{DATA, GOT, IMPORTS, TEXT, undefined},
    *,
};
use crate::file::Import;

const BASE: u64 = 0x1000_4000_0000;

#[test]
fn an_image_holds_the_addresses_of_its_imports() {
    let mut asked = Vec::new();
    let image = accepted(|_| ()).image(BASE, |import| {
        asked.push(import);
        0x7000 + asked.len() as u64
    });
    let spawn = warren_abi::system::FUNCTIONS.iter().position(|name| *name == IMPORTS[1]);
    let expected =
        [Import::Call(0), Import::Function(spawn.unwrap()), Import::Required, Import::Heap];
    assert_eq!(asked, expected);
    let at = (GOT - DATA) as usize;
    let words: Vec<u64> = image.segments[2].bytes[at..at + 32]
        .chunks(8)
        .map(|word| u64::from_le_bytes(word.try_into().unwrap()))
        .collect();
    assert_eq!(words, [0x7001, 0x7002, 0x7003, 0x7004]);
}

#[test]
fn an_import_that_nothing_uses_is_not_asked_for() {
    let file = accepted(|file| file.symbols.push(undefined("wsys.state")));
    file.image(BASE, |import| {
        assert_ne!(import, Import::State);
        0
    });
}

#[test]
fn the_descriptor_of_an_image_has_absolute_addresses() {
    let file = accepted(|file| file.pointer(DATA + 16, TEXT + 0x10));
    let descriptor = file.image(BASE, |_| 0).descriptor;
    assert_eq!(descriptor.construct, BASE + TEXT);
    assert_eq!(descriptor.start, Some(BASE + TEXT + 0x10));
    assert_eq!(descriptor.destruct, BASE + TEXT + 0x20);
    assert_eq!(descriptor.kinds[1].entries, [BASE + TEXT + 0x40, BASE + TEXT + 0x50]);
    assert_eq!(descriptor.kinds[1].drop, Some(BASE + TEXT + 0x60));
}

#[test]
fn only_relocated_segments_differ_between_images() {
    let file = accepted(|_| ());
    let (one, other) = (file.image(0, |_| 1), file.image(BASE, |_| 2));
    for (index, segment) in file.segments().iter().enumerate() {
        let same = one.segments[index] == other.segments[index];
        assert_eq!(same, !segment.relocated, "segment {index}");
    }
}

#[test]
fn an_image_is_as_long_as_its_segments() {
    assert_eq!(accepted(|_| ()).image_bytes(), 0x3000);
}
