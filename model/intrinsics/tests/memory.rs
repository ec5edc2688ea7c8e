//! The memory routines against the plainest code that does the same.
#![expect(unsafe_code, reason = "the routines take raw pointers")]

use std::ffi::{CStr, c_char, c_int, c_void};

use warren_intrinsics as _;

unsafe extern "C" {
    fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
    fn memmove(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
    fn memset(to: *mut c_void, byte: c_int, bytes: usize) -> *mut c_void;
    fn memcmp(a: *const c_void, b: *const c_void, bytes: usize) -> c_int;
    fn bcmp(a: *const c_void, b: *const c_void, bytes: usize) -> c_int;
    fn strlen(text: *const c_char) -> usize;
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// More than two rounds of the longest loop, and every remainder.
const LONGEST: usize = 130;
/// Around where what is copied is long, and every remainder.
const LONG: core::ops::Range<usize> = 500..530;

fn pattern() -> Vec<u8> {
    (0..400).map(|at| (at * 7 + at / 256) as u8).collect()
}

#[test]
fn what_is_tested_here_is_not_the_c_library() {
    let ours: [(&CStr, usize); 6] = [
        (c"memcpy", memcpy as *const () as usize),
        (c"memmove", memmove as *const () as usize),
        (c"memset", memset as *const () as usize),
        (c"memcmp", memcmp as *const () as usize),
        (c"bcmp", bcmp as *const () as usize),
        (c"strlen", strlen as *const () as usize),
    ];
    for (name, address) in ours {
        // SAFETY: the name is terminated; the null handle means the whole program.
        let theirs = unsafe { dlsym(std::ptr::null_mut(), name.as_ptr()) };
        assert_ne!(address, theirs as usize, "{name:?}");
    }
}

#[test]
fn moving_to_any_overlapping_place_keeps_the_bytes() {
    for bytes in 0..LONGEST {
        for to in 0..LONGEST + 40 {
            let mut moved = pattern();
            let mut expected = pattern();
            expected.copy_within(64..64 + bytes, to);
            let base = moved.as_mut_ptr();
            let (target, source) = (base.wrapping_add(to), base.wrapping_add(64));
            // SAFETY: both ranges end before 400.
            let result = unsafe { memmove(target.cast(), source.cast(), bytes) };
            assert_eq!(result.cast(), target);
            assert_eq!(moved, expected, "{bytes} bytes from 64 to {to}");
        }
    }
}

#[test]
fn moving_much_to_any_overlapping_place_keeps_the_bytes() {
    let pattern: Vec<u8> = (0..1200_u32).map(|at| (at * 7 + at / 256) as u8).collect();
    for bytes in LONG {
        for to in 0..128 {
            let mut moved = pattern.clone();
            let mut expected = pattern.clone();
            expected.copy_within(64..64 + bytes, to);
            let base = moved.as_mut_ptr();
            let (target, source) = (base.wrapping_add(to), base.wrapping_add(64));
            // SAFETY: both ranges end before 1200.
            let result = unsafe { memmove(target.cast(), source.cast(), bytes) };
            assert_eq!(result.cast(), target);
            assert!(moved == expected, "{bytes} bytes from 64 to {to}");
        }
    }
}

#[test]
fn copying_touches_nothing_else() {
    for bytes in (0..LONGEST).chain(LONG) {
        let from: Vec<u8> = (0..1200_u32).map(|at| (at * 7 + at / 256) as u8).collect();
        let mut to = vec![0xee_u8; 1200];
        // SAFETY: both ranges end before 1200.
        unsafe { memcpy(to[3..].as_mut_ptr().cast(), from[5..].as_ptr().cast(), bytes) };
        assert_eq!(to[3..3 + bytes], from[5..5 + bytes]);
        assert!(to[..3].iter().chain(&to[3 + bytes..]).all(|byte| *byte == 0xee));
    }
}

#[test]
fn setting_touches_nothing_else() {
    for bytes in 0..LONGEST {
        let mut to = vec![0xee_u8; 400];
        // SAFETY: the range ends before 400.
        let result = unsafe { memset(to[3..].as_mut_ptr().cast(), 0x1a5, bytes) };
        assert_eq!(result.cast(), to[3..].as_mut_ptr());
        assert!(to[3..3 + bytes].iter().all(|byte| *byte == 0xa5));
        assert!(to[..3].iter().chain(&to[3 + bytes..]).all(|byte| *byte == 0xee));
    }
}

#[test]
fn comparing_orders_by_the_first_byte_that_differs() {
    for bytes in 1..40 {
        for at in 0..bytes {
            let small = vec![0x80_u8; bytes];
            let mut large = small.clone();
            large[at] = 0xff;
            // A later byte must not count.
            if let Some(later) = large.get_mut(at + 1) {
                *later = 0;
            }
            assert!(compare(&small, &large) < 0, "{bytes} {at}");
            assert!(compare(&large, &small) > 0, "{bytes} {at}");
            assert_eq!(compare(&small[..at], &large[..at]), 0);
            assert_eq!(compare(&large, &large.clone()), 0);
        }
    }
}

/// What `memcmp` says of two slices of one length; `bcmp` must agree.
fn compare(a: &[u8], b: &[u8]) -> c_int {
    assert_eq!(a.len(), b.len());
    // SAFETY: both are as long as they say.
    let order = unsafe { memcmp(a.as_ptr().cast(), b.as_ptr().cast(), a.len()) };
    // SAFETY: as above.
    let differs = unsafe { bcmp(a.as_ptr().cast(), b.as_ptr().cast(), a.len()) };
    assert_eq!(differs == 0, order == 0);
    order
}

#[test]
fn the_length_of_a_text_ends_at_its_zero() {
    for text in [c"", c"a", c"some text of some length"] {
        // SAFETY: the text is terminated.
        assert_eq!(unsafe { strlen(text.as_ptr()) }, text.to_bytes().len());
    }
}
