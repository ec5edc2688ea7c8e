//! Everything that a server file says, for people and for programs.

mod json;
mod text;

pub use json::json;
pub use text::text;

use sha2::{Digest, Sha256};
use warren_abi::system;
use warren_engine::{
    file::{Import, ServerFile},
    platform::Protection,
};

/// A server file with what is computed from its bytes.
#[derive(Debug)]
pub struct Inspected {
    /// The file.
    pub file: ServerFile,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of all of it, in hexadecimal.
    pub hash: String,
}

impl Inspected {
    /// Takes the facts of a file.
    pub fn new(bytes: &[u8], file: ServerFile) -> Self {
        let hash = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Inspected { file, bytes: bytes.len() as u64, hash }
    }

    /// Bytes that become memory with this protection, and whether relocation writes to them.
    pub fn loaded(&self, protection: Protection, relocated: bool) -> u64 {
        let segments = self.file.segments().iter();
        let fits =
            segments.filter(|one| one.protection == protection && one.relocated == relocated);
        fits.map(|segment| segment.bytes.len() as u64).sum()
    }

    /// Names of the system functions that it uses.
    pub fn system_functions(&self) -> impl Iterator<Item = &'static str> {
        let imports = self.file.system_imports().iter();
        imports.filter_map(|import| match import {
            Import::Function(index) => system::FUNCTIONS.get(*index).copied(),
            _ => None,
        })
    }
}
