//! Packet memory on the host.

use alloc::{vec, vec::Vec};
use core::cell::RefCell;

use warren::Out;
use warren_idl::BUFFER_BYTES;

use crate::buffers::Bytes;

/// Memory of a test.
#[derive(Debug)]
pub struct Plain(RefCell<Vec<u8>>);

impl Plain {
    /// So many buffers of zeroes.
    pub fn new(buffers: usize) -> Self {
        Plain(RefCell::new(vec![0; buffers * BUFFER_BYTES]))
    }
}

impl Bytes for Plain {
    fn len(&self) -> usize {
        self.0.borrow().len()
    }
    fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0.borrow()[offset..offset + bytes.len()]);
    }
    fn copy_to(&self, offset: usize, out: &mut Out<'_>) {
        out.fill_from(&self.0.borrow()[offset..offset + out.len()]);
    }
    fn copy_in(&self, offset: usize, bytes: &[u8]) {
        self.0.borrow_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
}
