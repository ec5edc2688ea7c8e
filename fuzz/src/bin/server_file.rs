//! A server file: whatever is accepted keeps the promises of an accepted file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_engine::{
    file::{Descriptor, Image, ServerFile, limits},
    inspect::Inspection,
    space::{Protection, REGION_BASE},
};

fuzz_target!(|bytes: &[u8]| match ServerFile::parse(bytes) {
    Err(error) => assert!(!error.to_string().is_empty()),
    Ok(file) => {
        check_image(&file.image(REGION_BASE, |_| 0x5555));
        assert!(file.image_bytes() <= limits::IMAGE_BYTES);
        assert!(Inspection::of(bytes).is_ok());
    }
});

/// Pages in order, none writable; every entry in text.
fn check_image(image: &Image) {
    let mut free = 0;
    for segment in &image.segments {
        assert_ne!(segment.protection, Protection::ReadWrite);
        assert!(segment.offset >= free && segment.bytes.len() as u64 <= segment.memory_bytes);
        free = segment.offset + segment.memory_bytes;
    }
    assert!(addresses(&image.descriptor).all(|address| in_text(image, address)));
}

fn addresses(descriptor: &Descriptor) -> impl Iterator<Item = u64> {
    let kinds =
        descriptor.kinds.iter().flat_map(|kind| kind.entries.iter().copied().chain(kind.drop));
    [descriptor.construct, descriptor.destruct].into_iter().chain(descriptor.start).chain(kinds)
}

fn in_text(image: &Image, address: u64) -> bool {
    image.segments.iter().any(|segment| {
        let start = REGION_BASE + segment.offset;
        segment.protection == Protection::ReadExecute
            && (start..start + segment.bytes.len() as u64).contains(&address)
    })
}
