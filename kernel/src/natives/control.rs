//! `SystemControl`: what runs, and making it fail.
#![expect(unsafe_code, reason = "words become slices")]

use alloc::format;

use warren::Service;
use warren_abi::call::Ret;
use warren_engine::{layout::Frame, platform::Placement};
use warren_idl::{ServerStatus, SystemControl, SystemControlError};
use zerocopy::IntoBytes;

use super::{
    add, arguments, crash,
    glue::{entries, fail, kind},
};
use crate::{cpu::interrupts, log::log, system, threads};

pub fn install() {
    let functions = entries![server, make_fail, backtrace];
    add(<dyn SystemControl>::ID, kind::<dyn SystemControl>(functions, None));
}

extern "C" fn server(_: u64, index: u64, text: u64, text_bytes: u64, status: u64) -> Ret {
    let mut servers = system::instances().into_iter().filter(|it| it.planned.is_some());
    let Some(instance) = servers.nth(index as u32 as usize) else {
        return fail(SystemControlError::End);
    };
    let (placement, domain) = match &instance.placement {
        Placement::Kernel => ("kernel", ""),
        Placement::Own => ("own", ""),
        Placement::Shared(name) => ("shared", name.as_str()),
    };
    let line = format!("{}\0{}\0{placement}\0{domain}", instance.name, instance.file);
    // SAFETY: the words are a buffer of this call that the native writes.
    unsafe { arguments::write(text, text_bytes, line.as_bytes()) };
    let answer = interrupts::off(|| ServerStatus {
        text_bytes: line.len() as u32,
        state: if instance.is_alive() { ServerStatus::ALIVE } else { ServerStatus::DEAD },
        objects: instance.objects.get(),
        restarts: instance.restarts.get(),
        base: instance.base,
        memory_bytes: instance.memory_bytes.get(),
        file_hash: instance.hash,
    });
    // SAFETY: the word is a structure of this size that the native writes.
    unsafe { arguments::write(status, size_of::<ServerStatus>() as u64, answer.as_bytes()) };
    Ret::ok(0)
}

extern "C" fn make_fail(_: u64, name: u64, name_bytes: u64, fault: u64, fault_bytes: u64) -> Ret {
    // SAFETY: the words are two buffers of this call.
    let texts = unsafe { (arguments::text(name, name_bytes), arguments::text(fault, fault_bytes)) };
    let (name, fault) = match texts {
        (Ok(name), Ok(fault)) => (name, fault),
        (Err(refusal), _) | (_, Err(refusal)) => return refusal,
    };
    let alive = system::instances().into_iter().filter(|it| it.planned.is_some() && it.is_alive());
    let Some(instance) = alive.into_iter().find(|instance| instance.name == name) else {
        return fail(SystemControlError::Unknown);
    };
    match crash::prepare(instance, fault) {
        Some(()) => Ret::ok(0),
        None => fail(SystemControlError::BadFault),
    }
}

extern "C" fn backtrace(_: u64) -> Ret {
    interrupts::off(|| {
        threads::visit(&mut |thread| {
            log!("thread {}", threads::name_of(thread.token).unwrap_or_default());
            let mut frame = thread.frame;
            while frame > thread.frames {
                frame = frame.wrapping_sub(1);
                // SAFETY: frames between the first and the first free one are initialised.
                log_frame(unsafe { &*frame });
            }
        });
    });
    Ret::ok(0)
}

fn log_frame(frame: &Frame) {
    // SAFETY: a frame's object, its kind and its instance are valid while the frame is there.
    let (instance, kind) = unsafe {
        let object = &*frame.object;
        (&*object.instance, &*object.kind)
    };
    let (name, base) = (&instance.name, instance.base);
    log!("  {name} as {}, base {base:#x}, from {:#x}", kind.name, frame.return_address);
}
