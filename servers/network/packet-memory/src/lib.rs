//! Packet memory of one network stack.
//!
//! # Shape
//!
//! [`books`] says who holds which buffer, and is tested on the host. [`PacketServer`] is the server around it; each share is a local server,
//! which gives back what it holds when its last reference is dropped, and so when its holder dies.
//!
//! # Which buffers a dead driver leaves
//!
//! Its device may still write them. They stay out of use until the driver is back: it stops its device before it asks for a
//! share again.
//!
//! # State, and what a restart loses
//!
//! The books. Whoever has mapped the memory keeps it, but a new instance would hand out other memory than the one that the stack's servers
//! share. So it is not restarted alone; who calls it then learns that it is lost.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod books;

use alloc::rc::Rc;
use core::cell::RefCell;

use warren::{
    Cx, Kept, New, Out, Ref, Req, Required, Server, StartError, SystemError, local, server,
};
use warren_idl::{
    BUFFER_BYTES, DataSpace, Memory, PacketError, PacketMemory, PacketMemoryStatus, Parameters,
    Share,
};
use warren_parameters::number;

use crate::books::{Books, Holder, Indices};

/// MiB of memory if the system file does not say: 4096 buffers.
const DEFAULT_MIB: u64 = 16;
/// Most MiB. What is contiguous lies below 4 GiB.
const MOST_MIB: u64 = 256;
/// Shares at the same time: each has a table with two bytes for each buffer.
const MOST_SHARES: u32 = 1024;

/// Bytes of an index in a call.
const INDEX: usize = size_of::<u32>();

/// What the packet memory needs.
#[derive(Required)]
pub struct Needs {
    memory: Req<dyn Memory>,
    parameters: Req<dyn Parameters>,
}

/// The packet memory of one stack.
#[server(
    provides(PacketMemory),
    locals(PacketShare, DeviceShare),
    parameters("mib"),
    summary = "memory for the packets of one network stack"
)]
pub struct PacketServer {
    space: Kept<dyn DataSpace>,
    books: Rc<RefCell<Books>>,
}

/// What somebody holds.
#[local(provides = Share, parent = PacketServer)]
pub struct PacketShare {
    books: Rc<RefCell<Books>>,
    holder: Holder,
}

/// What the driver of a device holds.
#[local(provides = Share, parent = PacketServer)]
pub struct DeviceShare {
    /// `None` only while it is dropped.
    share: Option<(Rc<RefCell<Books>>, Holder)>,
    device: u64,
    /// Which of its drivers.
    number: u64,
}

impl Server for PacketServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let mib = mib(&cx.req().parameters)?;
        let bytes = mib << 20;
        let space = cx.req().memory.contiguous(cx, bytes)?.keep()?;
        let books = Books::new((bytes / BUFFER_BYTES as u64) as u32);
        Ok(PacketServer { space, books: Rc::new(RefCell::new(books)) })
    }
}

/// The parameter `mib`.
fn mib(parameters: &Req<dyn Parameters>) -> Result<u64, StartError> {
    number(parameters, "mib", DEFAULT_MIB, 1..=MOST_MIB, "`mib` is no number of MiB from 1 to 256")
}

impl PacketServer {
    /// A holder, if there is room for another one. None may hold so much that nothing is left for others.
    fn holder(&self, most: u32, new: fn(&mut Books, u32) -> Holder) -> Result<Holder, PacketError> {
        let mut books = self.books.borrow_mut();
        if books.holders() >= MOST_SHARES {
            return Err(SystemError::Budget.into());
        }
        let most = most.min(books.buffers() / 2);
        Ok(new(&mut books, most))
    }
}

impl PacketMemory for PacketServer {
    fn space<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn DataSpace>, PacketError> {
        Ok(cx.space.get(cx)?)
    }

    fn share<'f>(cx: &mut Cx<'f, Self>, most: u32) -> Result<Ref<'f, dyn Share>, PacketError> {
        let (books, holder) = (cx.books.clone(), cx.holder(most, Books::holder)?);
        Ok(cx.spawn(PacketShare { books, holder })?)
    }

    fn device_share<'f>(
        cx: &mut Cx<'f, Self>,
        device: u64,
        most: u32,
    ) -> Result<Ref<'f, dyn Share>, PacketError> {
        let share = Some((cx.books.clone(), cx.holder(most, Books::receiver)?));
        let number = cx.books.borrow_mut().new_driver(device);
        Ok(cx.spawn(DeviceShare { share, device, number })?)
    }

    fn status(cx: &mut Cx<'_, Self>) -> Result<PacketMemoryStatus, PacketError> {
        let books = cx.books.borrow();
        Ok(PacketMemoryStatus {
            buffers: books.buffers(),
            free: books.free(),
            quarantined: books.quarantined(),
            shares: books.holders(),
        })
    }
}

/// The indices that a call carries.
fn indices(bytes: &[u8]) -> Result<impl Indices, PacketError> {
    let (words, rest) = bytes.as_chunks::<INDEX>();
    if !rest.is_empty() {
        return Err(PacketError::BadLength);
    }
    Ok(words.iter().map(|word| u32::from_ne_bytes(*word)))
}

fn take(books: &mut Books, holder: &mut Holder, mut out: Out<'_>) -> Result<u64, PacketError> {
    if out.is_empty() || !out.len().is_multiple_of(INDEX) {
        return Err(PacketError::BadLength);
    }
    let (places, mut at) = (out.len() / INDEX, 0);
    books.take(holder, places, |index| at += out.write(at, &index.to_ne_bytes()))
}

impl Share for PacketShare {
    fn take(cx: &mut Cx<'_, Self>, out: Out<'_>) -> Result<u64, PacketError> {
        let PacketShare { books, holder } = &mut **cx;
        take(&mut books.borrow_mut(), holder, out)
    }

    fn hold(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), PacketError> {
        let PacketShare { books, holder } = &mut **cx;
        books.borrow_mut().hold(holder, indices(bytes)?)
    }

    fn give(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), PacketError> {
        let PacketShare { books, holder } = &mut **cx;
        books.borrow_mut().give(holder, indices(bytes)?)
    }
}

impl Drop for PacketShare {
    fn drop(&mut self) {
        self.books.borrow_mut().end(&mut self.holder);
    }
}

impl Share for DeviceShare {
    fn take(cx: &mut Cx<'_, Self>, out: Out<'_>) -> Result<u64, PacketError> {
        let (books, holder) = cx.share.as_mut().ok_or(SystemError::Gone)?;
        take(&mut books.borrow_mut(), holder, out)
    }

    fn hold(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), PacketError> {
        let (books, holder) = cx.share.as_mut().ok_or(SystemError::Gone)?;
        books.borrow_mut().hold(holder, indices(bytes)?)
    }

    fn give(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<(), PacketError> {
        let (books, holder) = cx.share.as_mut().ok_or(SystemError::Gone)?;
        books.borrow_mut().give(holder, indices(bytes)?)
    }
}

impl Drop for DeviceShare {
    fn drop(&mut self) {
        if let Some((books, holder)) = self.share.take() {
            books.borrow_mut().end_driver(self.device, self.number, holder);
        }
    }
}
