//! `PortSpace` and `IoPorts`: the state of a range is its first port and its length.
#![expect(unsafe_code, reason = "ports of devices")]

use warren::Service;
use warren_abi::call::Ret;
use warren_engine::{instance::Kind, layout::Object};
use warren_idl::{IoPorts, PortError, PortSpace};

use super::{
    add,
    glue::{answer_new, entries, fail, kind, new_object},
};
use crate::{cpu::registers, guarded::Guarded};

static RANGES: Guarded<Option<&'static Kind>> = Guarded::new(None);

pub fn install() {
    add(<dyn PortSpace>::ID, kind::<dyn PortSpace>(entries![cut], None));
    let functions = entries![read8, read16, read32, write8, write16, write32];
    let ranges = kind::<dyn IoPorts>(functions, Some(drop_range));
    RANGES.with(|stored| *stored = Some(ranges));
}

fn ranges() -> &'static Kind {
    RANGES.with(|kind| *kind).expect("natives are made at boot")
}

/// The object for a range that the plan gives to a server.
pub fn range(first: u16, count: u16) -> Option<*mut Object> {
    new_object(ranges(), state(first, count)?)
}

/// A range as a state; `None` if it ends behind the last port.
fn state(first: u16, count: u16) -> Option<u64> {
    let inside = u32::from(first) + u32::from(count) <= 0x1_0000;
    inside.then_some(u64::from(first) | u64::from(count) << 16)
}

extern "C" fn cut(_: u64, first: u64, count: u64) -> Ret {
    match state(first as u16, count as u16) {
        Some(state) => answer_new(ranges(), state),
        None => fail(PortError::OutOfRange),
    }
}

extern "C" fn drop_range(_: u64) {}

/// Runs `work` with the port at an offset, if an access of `width` bytes lies in the range.
fn access(state: u64, offset: u64, width: u64, work: impl FnOnce(u16) -> u64) -> Ret {
    let (first, count, offset) = (state & 0xffff, state >> 16, offset & 0xffff);
    if offset + width > count {
        return fail(PortError::OutOfRange);
    }
    Ret::ok(work((first + offset) as u16))
}

extern "C" fn read8(state: u64, offset: u64) -> Ret {
    access(state, offset, 1, |port| registers::read_port8(port).into())
}

extern "C" fn read16(state: u64, offset: u64) -> Ret {
    access(state, offset, 2, |port| registers::read_port16(port).into())
}

extern "C" fn read32(state: u64, offset: u64) -> Ret {
    access(state, offset, 4, |port| registers::read_port32(port).into())
}

// A range is given by the plan, or cut from all ports by whom the plan trusts with that: what its
// holder tells the device is the plan's decision, as it is for memory that the device writes.

extern "C" fn write8(state: u64, offset: u64, value: u64) -> Ret {
    access(state, offset, 1, |port| {
        // SAFETY: the plan gives this device to the caller.
        unsafe { registers::write_port8(port, value as u8) };
        0
    })
}

extern "C" fn write16(state: u64, offset: u64, value: u64) -> Ret {
    access(state, offset, 2, |port| {
        // SAFETY: as in `write8`.
        unsafe { registers::write_port16(port, value as u16) };
        0
    })
}

extern "C" fn write32(state: u64, offset: u64, value: u64) -> Ret {
    access(state, offset, 4, |port| {
        // SAFETY: as in `write8`.
        unsafe { registers::write_port32(port, value as u32) };
        0
    })
}
