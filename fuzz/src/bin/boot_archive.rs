//! A boot archive: its entries lie inside of it, one behind the other, and are found by their names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_kernel::archive::Archive;

fuzz_target!(|bytes: &[u8]| {
    let archive = Archive::new(bytes);
    let mut free = bytes.as_ptr();
    for entry in archive.entries() {
        let contents = entry.contents.as_ptr_range();
        assert!(contents.start >= free && contents.end <= bytes.as_ptr_range().end);
        free = contents.end;
        let name = match entry.prefix {
            "" => entry.name.to_string(),
            prefix => format!("{prefix}/{}", entry.name),
        };
        assert!(archive.file(&name).is_some(), "{name:?}");
    }
});
