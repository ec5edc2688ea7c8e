//! Buffers that are counted: each that was made must come back once.

#[derive(Default)]
pub struct Memory {
    buffers: Vec<Option<Vec<u8>>>,
    free: Vec<usize>,
}

impl Memory {
    pub fn make(&mut self, bytes: Vec<u8>) -> usize {
        match self.free.pop() {
            Some(buffer) => {
                self.buffers[buffer] = Some(bytes);
                buffer
            }
            None => {
                self.buffers.push(Some(bytes));
                self.buffers.len() - 1
            }
        }
    }

    pub fn bytes(&self, piece: warren_tcp::Piece<usize>) -> &[u8] {
        let buffer =
            self.buffers[piece.buffer].as_ref().expect("a buffer is used after it came back");
        &buffer[piece.offset as usize..][..piece.length as usize]
    }

    pub fn release(&mut self, buffer: usize) {
        assert!(self.buffers[buffer].take().is_some(), "a buffer came back twice");
        self.free.push(buffer);
    }

    /// How many buffers have not come back.
    pub fn held(&self) -> usize {
        self.buffers.len() - self.free.len()
    }
}
