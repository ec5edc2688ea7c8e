//! A device of Linux whose packets a process reads and writes.
#![expect(unsafe_code, reason = "only ioctl tells which device a file is")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::AsRawFd,
};

/// `struct ifreq` as `TUNSETIFF` reads it: a name, flags, and room for other requests' members.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    flags: libc::c_short,
    rest: [u8; 22],
}

/// Makes the device `name` for IP packets without anything in front. It is gone when the file is closed.
pub fn open(name: &str) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    let mut request = Request { name: [0; libc::IFNAMSIZ], flags, rest: [0; 22] };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: the kernel reads and writes a `struct ifreq` here, as large as `Request`, which lives until it returns.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(file) }
}
