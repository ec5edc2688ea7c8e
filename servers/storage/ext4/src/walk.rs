//! From a path to an inode, following symbolic links.

use alloc::vec::Vec;

use super::{
    blocks::Steps,
    directory,
    fault::Fault,
    inode::{self, Inode, Kind},
    map,
};

/// Longest path, with the targets of the links in it.
const LONGEST_PATH: usize = 4096;
const LONGEST_NAME: usize = 255;
/// Most symbolic links on the way.
const MOST_LINKS: usize = 40;
/// Longest target that lies in the inode itself.
const LONGEST_INNER_TARGET: u64 = 59;

/// The inode that a path names.
pub fn resolve<S: Steps>(steps: &mut S, path: &str) -> Result<Inode, S::Error> {
    if let Some(inode) = steps.store().known(path) {
        return Ok(inode);
    }
    if !path.starts_with('/') || path.len() > LONGEST_PATH {
        return Err(Fault::BadName.into());
    }
    let root = load(steps, inode::ROOT)?;
    let mut here = root.clone();
    // What is left of the path, the next component at the end.
    let mut rest = components(path.as_bytes());
    let mut links = 0;
    while let Some(name) = rest.pop() {
        if name.len() > LONGEST_NAME {
            return Err(Fault::BadName.into());
        }
        let number = directory::look_up(steps, &here, &name)?;
        let next = load(steps, number)?;
        if next.kind != Kind::Link {
            here = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Fault::Loop.into());
        }
        let target = target(steps, next)?;
        if target.first() == Some(&b'/') {
            here = root.clone();
        }
        rest.extend(components(&target));
        if rest.iter().map(|name| name.len() + 1).sum::<usize>() > LONGEST_PATH {
            return Err(Fault::BadName.into());
        }
    }
    steps.store().learn(path, &here);
    Ok(here)
}

/// The inode with this number.
pub fn load<S: Steps>(steps: &mut S, number: u32) -> Result<Inode, S::Error> {
    steps.step(|volume, blocks| Inode::read(volume, blocks, number))
}

/// The components of a path, last one first.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|byte| *byte == b'/').rev();
    names.filter(|name| !name.is_empty() && *name != b".").map(<[u8]>::to_vec).collect()
}

/// The path that a symbolic link stands for.
fn target<S: Steps>(steps: &mut S, link: Inode) -> Result<Vec<u8>, S::Error> {
    if link.bytes == 0 {
        return Err(Fault::Corrupt.into());
    }
    if link.bytes <= LONGEST_INNER_TARGET && !link.is_sealed() {
        return Ok(link.map[..link.bytes as usize].to_vec());
    }
    let block = steps.step(|volume, blocks| map::read(volume, blocks, &link, 0))?;
    let block = block.ok_or(Fault::Corrupt)?;
    let target = block.get(..link.bytes as usize).ok_or(Fault::Corrupt)?;
    Ok(target.to_vec())
}
