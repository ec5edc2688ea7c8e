//! The contents of files, as many blocks at a time as lie one behind the other and are in memory.

use super::{blocks::Steps, inode::Inode, map};

/// Where contents go.
pub trait Target {
    /// How many more bytes are wanted.
    fn left(&self) -> usize;
    /// Takes the next bytes, which are no more than are wanted.
    fn take(&mut self, bytes: &[u8]);
    /// Takes so many zeroes, which are no more than are wanted.
    fn take_zeroes(&mut self, count: usize);
}

/// Reads a file's contents from `offset` on, until nothing more is wanted. There is as much.
pub fn read<S: Steps>(
    steps: &mut S,
    inode: &Inode,
    mut offset: u64,
    target: &mut impl Target,
) -> Result<(), S::Error> {
    let block_bytes = steps.store().volume.block_bytes as u64;
    while target.left() > 0 {
        let wanted = target.left();
        let (number, first) = (offset / block_bytes, (offset % block_bytes) as usize);
        match steps.step(|volume, blocks| map::run(volume, blocks, inode, number))? {
            None => target.take_zeroes(wanted.min(block_bytes as usize - first)),
            Some(run) => {
                let most = ((first + wanted) as u64).div_ceil(block_bytes);
                let most = most.min(run.end - run.start);
                steps.store().visit(run.start, most, |block| take(target, wanted, first, block));
                // Who reads one block from the disk has the next ones in memory then.
                if target.left() == wanted {
                    let block = steps.step(|_, blocks| blocks.block(run.start))?;
                    take(target, wanted, first, &block);
                }
            }
        }
        offset += (wanted - target.left()) as u64;
    }
    Ok(())
}

/// Takes what is wanted of a block. Of the first one, before which so much was wanted as is said, that begins at `first`.
fn take(target: &mut impl Target, wanted: usize, first: usize, block: &[u8]) {
    let left = target.left();
    let first = if left == wanted { first } else { 0 };
    target.take(&block[first..block.len().min(first + left)]);
}
