//! Imports: what the undefined symbols of a file become in one placement.
//!
//! In the engine's space a call becomes a stub and a system function the function itself; in a domain of
//! its own both become a system call. The code lies in pages of its own right behind the image.

use alloc::vec::Vec;
use core::ops::Range;

use warren_abi::system::FUNCTIONS;

use crate::{
    deadline, death,
    file::{Import, ServerFile},
    instance::Outgoing,
    lock,
    platform::Platform,
    reference,
    space::{HEAP_OFFSET, PAGE, STATE_OFFSET},
    stub::{self, STUB_BYTES},
};

/// Bytes of one system call stub.
pub const SYSTEM_CALL_BYTES: usize = 16;

/// The imports of one instance.
pub struct Imports {
    /// Address of the first stub.
    start: u64,
    /// Stubs of the calls, and in a domain of its own of the system functions behind them.
    code: Vec<u8>,
    /// Addresses of the calls' stubs.
    calls: Vec<u64>,
    /// Addresses of the system functions.
    functions: Vec<u64>,
    /// First address of the region.
    base: u64,
}

impl Imports {
    /// The imports of an instance whose image starts at `base`.
    pub fn new<P: Platform>(file: &ServerFile, base: u64, shares_space: bool) -> Self {
        let start = base + file.image_bytes();
        let mut imports =
            Imports { start, code: Vec::new(), calls: Vec::new(), functions: Vec::new(), base };
        for (index, call) in file.calls().iter().map(Outgoing::from).enumerate() {
            let code = if shares_space {
                stub::call_stub(call.index, call.function.shape(call.atomic))
            } else {
                stub::system_call_stub(stub::FIRST_CALL + index as u32)
            };
            let address = imports.append(code, shares_space);
            imports.calls.push(address);
        }
        if shares_space {
            imports.functions = functions::<P>().to_vec();
            return imports;
        }
        for index in 0..FUNCTIONS.len() {
            let stub = stub::system_call_stub(stub::FIRST_FUNCTION + index as u32);
            let address = imports.append(stub, false);
            imports.functions.push(address);
        }
        imports
    }

    /// Adds a stub; returns its address.
    fn append(&mut self, mut code: Vec<u8>, shares_space: bool) -> u64 {
        let cell = if shares_space { STUB_BYTES } else { SYSTEM_CALL_BYTES };
        code.resize(cell, 0xcc);
        let address = self.start + self.code.len() as u64;
        self.code.extend(code);
        address
    }

    /// What one import becomes.
    pub fn address(&self, import: Import) -> u64 {
        match import {
            Import::Call(index) => self.calls[index],
            Import::Function(index) => self.functions[index],
            Import::Required => self.base + STATE_OFFSET - PAGE,
            Import::State => self.base + STATE_OFFSET,
            Import::Heap => self.base + HEAP_OFFSET,
        }
    }

    /// The stubs' code.
    pub fn code(&self) -> &[u8] {
        &self.code
    }

    /// Bytes of the pages that the stubs take.
    pub fn bytes(&self) -> u64 {
        (self.code.len().max(1) as u64).next_multiple_of(PAGE)
    }

    /// Where the stubs lie.
    pub fn range(&self) -> Range<u64> {
        self.start..self.start + self.code.len() as u64
    }
}

/// Addresses of the system functions for callers in the engine's space, in the order of [`FUNCTIONS`].
pub fn functions<P: Platform>() -> [u64; FUNCTIONS.len()] {
    [
        reference::keep::<P> as *const () as u64,
        reference::release::<P> as *const () as u64,
        reference::pin::<P> as *const () as u64,
        reference::weak::<P> as *const () as u64,
        reference::upgrade::<P> as *const () as u64,
        reference::unweak::<P> as *const () as u64,
        reference::spawn::<P> as *const () as u64,
        reference::this::<P> as *const () as u64,
        reference::root::<P> as *const () as u64,
        reference::scope::<P> as *const () as u64,
        reference::scope_end::<P> as *const () as u64,
        lock::unlock::<P> as *const () as u64,
        lock::lock::<P> as *const () as u64,
        lock::yield_now::<P> as *const () as u64,
        reference::grow::<P> as *const () as u64,
        death::panic::<P> as *const () as u64,
        death::panicked::<P> as *const () as u64,
        deadline::begin::<P> as *const () as u64,
        deadline::end::<P> as *const () as u64,
    ]
}
