//! `Interrupts` and `InterruptLine`: the state of a line is its number. And `Power`.

use warren::Service;
use warren_abi::call::Ret;
use warren_engine::{instance::Kind, layout::Object};
use warren_idl::{InterruptError, InterruptLine, Interrupts, Power};
use warren_kernel::acpi::Controllers;

use super::{
    add,
    glue::{answer_new, entries, fail, kind, new_object},
};
use crate::{guarded::Guarded, log::log, machine, threads::interrupts};

struct Lines {
    controllers: Controllers,
    kind: &'static Kind,
}

static LINES: Guarded<Option<Lines>> = Guarded::new(None);

pub fn install(controllers: Controllers) {
    add(<dyn Interrupts>::ID, kind::<dyn Interrupts>(entries![get_line], None));
    add(<dyn Power>::ID, kind::<dyn Power>(entries![off], None));
    let kind = kind::<dyn InterruptLine>(entries![wait], Some(drop_line));
    LINES.with(|lines| *lines = Some(Lines { controllers, kind }));
}

/// The kind of lines, if there is one with this number.
fn find(number: u32) -> Option<&'static Kind> {
    LINES.with(|lines| {
        let lines = lines.as_ref()?;
        interrupts::exists(&lines.controllers, number).then_some(lines.kind)
    })
}

/// The object for a line that the plan gives to a server.
pub fn line(number: u32) -> Option<*mut Object> {
    new_object(find(number)?, number.into())
}

extern "C" fn get_line(_: u64, number: u64) -> Ret {
    match find(number as u32) {
        Some(kind) => answer_new(kind, number & u64::from(u32::MAX)),
        None => fail(InterruptError::NoSuchLine),
    }
}

extern "C" fn wait(number: u64, seen: u64) -> Ret {
    Ret::ok(interrupts::wait(number as u32, seen))
}

extern "C" fn drop_line(_: u64) {}

extern "C" fn off(_: u64, status: u64) -> Ret {
    log!("off with status {}", status as u32);
    machine::exit(status as u8)
}
