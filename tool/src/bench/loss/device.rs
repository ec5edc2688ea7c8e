//! The end of a TAP device of Linux's that a process has: each read and each write is a frame (`Documentation/networking/tuntap.rst`).
#![expect(unsafe_code, reason = "only an `ioctl` tells which device a file is")]

use std::{
    ffi::{c_int, c_short},
    fs::{File, OpenOptions},
    io,
};

use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

/// `TUNSETIFF`.
const SET_DEVICE: Opcode = opcode::write::<c_int>(b'T', 202);
/// `IFF_TAP` and `IFF_NO_PI`: frames of Ethernet, and nothing in front of them.
const FRAMES: c_short = 0x0002 | 0x1000;
/// `IFNAMSIZ`.
const NAME_BYTES: usize = 16;

/// `struct ifreq` as `TUNSETIFF` reads it: a name, flags, and room for other requests' members.
#[repr(C)]
struct Request {
    name: [u8; NAME_BYTES],
    flags: c_short,
    rest: [u8; 22],
}

/// Opens the device with this name, without offloads: no frame is longer than the device's packets, and checksums are right.
pub fn open(name: &str) -> io::Result<File> {
    let mut request = Request { name: [0; NAME_BYTES], flags: FRAMES, rest: [0; 22] };
    match request.name[..NAME_BYTES - 1].get_mut(..name.len()) {
        Some(place) => place.copy_from_slice(name.as_bytes()),
        None => return Err(io::ErrorKind::InvalidInput.into()),
    }
    let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: `TUNSETIFF` reads a `struct ifreq`, which `Request` is.
    let setter = unsafe { Setter::<SET_DEVICE, Request>::new(request) };
    // SAFETY: the file is the driver's of which this is a request, and the request lives until it returns.
    unsafe { ioctl(&file, setter) }?;
    Ok(file)
}
