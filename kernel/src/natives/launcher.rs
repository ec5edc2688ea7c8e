//! `Launcher`, `Log`, `Parameters`: what the plan says to servers, and they to the log.
#![expect(unsafe_code, reason = "words become slices")]

use warren::Service;
use warren_abi::call::Ret;
use warren_engine::launch::{self, LaunchFault};
use warren_idl::{FileSystem, LaunchError, Launcher, Log, ParameterError, Parameters, Program};

use super::{
    add, arguments,
    glue::{caller, entries, fail, kind},
};
use crate::{
    cpu::interrupts,
    log,
    system::{self, Kernel},
};

pub fn install() {
    add(<dyn Launcher>::ID, kind::<dyn Launcher>(entries![program, file_system], None));
    add(<dyn Log>::ID, kind::<dyn Log>(entries![write_line], None));
    add(<dyn Parameters>::ID, kind::<dyn Parameters>(entries![get], None));
}

extern "C" fn program(_: u64, name: u64, bytes: u64) -> Ret {
    find(name, bytes, <dyn Program>::ID)
}

extern "C" fn file_system(_: u64, name: u64, bytes: u64) -> Ret {
    find(name, bytes, <dyn FileSystem>::ID)
}

/// The root object of a server by which it provides a service.
fn find(name: u64, bytes: u64, service: u32) -> Ret {
    // SAFETY: the words are a buffer of this call.
    let name = match unsafe { arguments::text(name, bytes) } {
        Ok(name) => name,
        Err(refusal) => return refusal,
    };
    let Some(planned) = system::planned(name) else { return fail(LaunchError::Unknown) };
    let instance = match launch::launch::<Kernel>(planned) {
        Ok(instance) => instance,
        Err(fault) => return fail(error_of(&fault)),
    };
    let kind = instance.kinds.iter().position(|kind| kind.service == service && !kind.local);
    let root = interrupts::off(|| kind.and_then(|kind| instance.root(kind)));
    root.map_or_else(|| fail(LaunchError::WrongService), |object| Ret::ok(object as u64))
}

fn error_of(fault: &LaunchFault) -> LaunchError {
    match fault {
        LaunchFault::Unresolved { .. } => LaunchError::Unresolved,
        LaunchFault::Failed(_) | LaunchFault::Died | LaunchFault::Exhausted => LaunchError::Failed,
        _ => LaunchError::BadFile,
    }
}

extern "C" fn write_line(_: u64, line: u64, bytes: u64) -> Ret {
    // SAFETY: the words are a buffer of this call.
    match unsafe { arguments::text(line, bytes) } {
        Ok(line) => {
            log::write(format_args!("{}: {line}", caller().name));
            Ret::ok(0)
        }
        Err(refusal) => refusal,
    }
}

extern "C" fn get(_: u64, name: u64, name_bytes: u64, value: u64, value_bytes: u64) -> Ret {
    // SAFETY: the words are a buffer of this call.
    let name = match unsafe { arguments::text(name, name_bytes) } {
        Ok(name) => name,
        Err(refusal) => return refusal,
    };
    let Some(planned) = caller().planned else { return fail(ParameterError::Unset) };
    interrupts::off(|| {
        let parameters = &system::tables().plan.servers[planned].parameters;
        let Some((_, text)) = parameters.iter().find(|(key, _)| key == name) else {
            return fail(ParameterError::Unset);
        };
        // SAFETY: the words are a buffer of this call that the native writes.
        unsafe { arguments::write(value, value_bytes, text.as_bytes()) };
        Ret::ok(text.len() as u64)
    })
}
