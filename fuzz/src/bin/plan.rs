//! A boot plan: whatever is accepted passes its own check and is read back as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_engine::plan::{decode, encode};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(plan) = decode(bytes) {
        assert_eq!(plan.check(), Ok(()));
        assert_eq!(decode(&encode(&plan)), Ok(plan));
    }
});
