//! Giant: a server with a large image, which takes much memory to be loaded.
#![no_std]
#![forbid(unsafe_code)]

use core::hint::black_box;

use warren::{Cx, New, Server, StartError, server};
use warren_idl::{Task, ThreadError};

/// Constants that fill most of what an image may have. They are not zeroes, so that they are in the file.
static BALLAST: [u8; 6 << 20] = [1; 6 << 20];

/// Has an image of six mebibytes.
#[server(provides(Task))]
pub struct Giant {}

impl Server for Giant {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Giant {})
    }
}

impl Task for Giant {
    fn run(_cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let last = black_box(&BALLAST).last();
        Ok(u64::from(last != Some(&1)))
    }
}
