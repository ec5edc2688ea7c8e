//! A TAP device: a network device whose other end Linux has (`Documentation/networking/tuntap.rst`).
#![expect(unsafe_code, reason = "an `ioctl` that the standard library does not have")]

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsRawFd, RawFd},
        unix::fs::OpenOptionsExt,
    },
};

use warren::{Cx, Out};
use warren_idl::{WIRE_FRAME_BYTES, Wire, WireError};

use crate::schedule;

/// First byte of the addresses that nobody was given by the IEEE, of one station.
const LOCAL: u8 = 0x02;

/// One end of a TAP device.
pub struct Tap {
    /// `None` if there is no device.
    device: Option<Device>,
}

/// A device that is open.
#[derive(Debug)]
pub struct Device {
    file: File,
    /// Of this end.
    address: [u8; 6],
}

warren_natives::natives!(Tap);

impl Device {
    /// Opens the device with this name. If there is none Linux makes one, where the process may make some.
    ///
    /// # Errors
    ///
    /// Those of Linux.
    pub fn open(name: &str) -> io::Result<Self> {
        // SAFETY: all-zero is a valid value of this plain structure.
        let mut request: libc::ifreq = unsafe { core::mem::zeroed() };
        if name.is_empty() || name.len() >= request.ifr_name.len() || name.contains('\0') {
            return Err(io::Error::new(ErrorKind::InvalidInput, "this is no name of a device"));
        }
        for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *place = byte.cast_signed();
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as i16;
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
        let file = options.open("/dev/net/tun")?;
        // SAFETY: the request is a structure of the kind that this one needs, and ours.
        if unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut address = [0; 6];
        File::open("/dev/urandom")?.read_exact(&mut address)?;
        address[0] = LOCAL;
        Ok(Device { file, address })
    }

    /// Reads a frame that has arrived; `None` if there is none.
    fn arrived(&self, frame: &mut Out<'_>) -> Result<Option<u64>, WireError> {
        if frame.len() < WIRE_FRAME_BYTES {
            return Err(WireError::BadLength);
        }
        let mut bytes = [0; WIRE_FRAME_BYTES];
        match (&self.file).read(&mut bytes) {
            Ok(0) => Err(WireError::Broken),
            Ok(count) => Ok(Some(frame.fill_from(&bytes[..count]) as u64)),
            Err(error) if is_for_now(&error) => Ok(None),
            Err(_) => Err(WireError::Broken),
        }
    }

    fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl Tap {
    /// The end of this device.
    pub fn new(device: Option<Device>) -> Self {
        Tap { device }
    }

    fn device(&self) -> Result<&Device, WireError> {
        self.device.as_ref().ok_or(WireError::Absent)
    }
}

impl Wire for Tap {
    fn address(cx: &mut Cx<'_, Self>) -> Result<u64, WireError> {
        let bytes = cx.state().device()?.address;
        Ok(bytes.iter().fold(0, |address, byte| address << 8 | u64::from(*byte)))
    }

    fn receive(cx: &mut Cx<'_, Self>, mut frame: Out<'_>) -> Result<u64, WireError> {
        let device = cx.state().device()?;
        loop {
            match device.arrived(&mut frame)? {
                Some(length) => return Ok(length),
                None => schedule::block_on_descriptor(device.descriptor(), libc::POLLIN)?,
            }
        }
    }

    fn poll(cx: &mut Cx<'_, Self>, mut frame: Out<'_>) -> Result<u64, WireError> {
        Ok(cx.state().device()?.arrived(&mut frame)?.unwrap_or(0))
    }

    fn send(cx: &mut Cx<'_, Self>, frame: &[u8]) -> Result<(), WireError> {
        let device = cx.state().device()?;
        // A copy: a wild buffer is met here, and the caller dies of it.
        let mut copy = [0; WIRE_FRAME_BYTES];
        let copy = copy.get_mut(..frame.len()).ok_or(WireError::BadLength)?;
        copy.copy_from_slice(frame);
        match (&device.file).write(copy) {
            Ok(_) => Ok(()),
            Err(error) if is_for_now(&error) => Err(WireError::Full),
            Err(_) => Err(WireError::Broken),
        }
    }
}

/// Whether the same can succeed later.
fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
