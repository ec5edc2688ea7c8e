//! What a client of the HTTP server sends: no path leads out of the folder that is served, and no part out of a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_web::request::{HEAD_BYTES, Read, read};

fuzz_target!(|bytes: &[u8]| match read(bytes) {
    Read::Partial => assert!(bytes.len() < HEAD_BYTES),
    Read::Refused(_) => (),
    Read::Request(request, length) => {
        assert!(length <= bytes.len() && request.path.starts_with('/'));
        let mut parts = request.path.split('/');
        assert!(parts.all(|part| part != ".." && part != "." && !part.contains('\0')));
        // The same head is read the same way, whatever follows it.
        assert_eq!(read(&bytes[..length]), Read::Request(request.clone(), length));
        if let Some(range) = request.range {
            for bytes in [0, 1, 1000, u64::MAX] {
                if let Some((first, count)) = range.of(bytes) {
                    assert!(count > 0 && first.checked_add(count).is_some_and(|end| end <= bytes));
                }
            }
        }
    }
});
