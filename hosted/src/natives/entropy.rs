//! `Entropy`: Linux's.

use std::{fs::File, io::Read};

use warren::{Cx, Out};
use warren_idl::EntropyError;

/// Bytes that are read at a time.
const CHUNK: usize = 64;

/// Linux's generator.
pub struct Generator;

warren_natives::natives!(Generator);

impl warren_idl::Entropy for Generator {
    fn fill(_: &mut Cx<'_, Self>, mut bytes: Out<'_>) -> Result<(), EntropyError> {
        let mut source = File::open("/dev/urandom").map_err(|_| EntropyError::NoSource)?;
        for at in (0..bytes.len()).step_by(CHUNK) {
            let mut chunk = [0; CHUNK];
            source.read_exact(&mut chunk).map_err(|_| EntropyError::NoSource)?;
            bytes.write(at, &chunk);
        }
        Ok(())
    }
}
