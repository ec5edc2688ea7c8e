//! `SystemControl`: what runs, and making it fail.
#![expect(unsafe_code, reason = "the engine's tables and frames are raw memory")]

use alloc::{format, string::String, vec::Vec};
use core::marker::PhantomData;

use warren::{Cx, Out};
use warren_engine::{
    death,
    injection::{self, Fault},
    instance::Instance,
    launch,
    layout::Frame,
    platform::{Level, Placement, Platform},
    record::Held,
    reference::{instance_of, tables},
    stub::return_slot,
};
use warren_idl::{ServerStatus, SystemControl, SystemControlError};

/// Whose lines backtraces are.
const SYSTEM: &str = "system";

/// The view of the platform's own system.
pub struct Control<P> {
    name_of_thread: fn(u64) -> String,
    end_thread: fn(u64) -> bool,
    end_threads_of: fn(usize) -> usize,
    platform: PhantomData<fn() -> P>,
}

crate::natives!(for P: Platform, Control<P>);

impl<P> Control<P> {
    /// The control of a platform that names and ends its threads so; `false` is for a thread that does not exist. `end_threads_of` ends those of a
    /// principal, and says how many there still are.
    pub const fn new(
        name_of_thread: fn(u64) -> String,
        end_thread: fn(u64) -> bool,
        end_threads_of: fn(usize) -> usize,
    ) -> Self {
        Control { name_of_thread, end_thread, end_threads_of, platform: PhantomData }
    }
}

impl<P: Platform> SystemControl for Control<P> {
    fn server(
        _: &mut Cx<'_, Self>,
        index: u32,
        mut text: Out<'_>,
    ) -> Result<ServerStatus, SystemControlError> {
        let instance = P::critical(|| shown::<P>().nth(index as usize).map(Held::<P>::new));
        let instance = instance.ok_or(SystemControlError::End)?;
        let line = describe(&instance);
        text.fill_from(line.as_bytes());
        let file_hash = launch::first_bytes_of_hash::<P>(&instance);
        Ok(P::critical(|| ServerStatus {
            text_bytes: line.len() as u32,
            state: if instance.is_alive() { ServerStatus::ALIVE } else { ServerStatus::DEAD },
            objects: instance.objects.get(),
            restarts: instance.restarts,
            base: instance.base,
            memory_bytes: instance.memory_bytes.get(),
            file_hash,
        }))
    }

    fn crash(_: &mut Cx<'_, Self>, server: &str, fault: &str) -> Result<(), SystemControlError> {
        let fault = Fault::from_name(fault).ok_or(SystemControlError::BadFault)?;
        match injection::arm::<P>(&*living::<P>(server)?, fault) {
            true => Ok(()),
            false => Err(SystemControlError::BadFault),
        }
    }

    fn end_thread(cx: &mut Cx<'_, Self>, context: u64) -> Result<(), SystemControlError> {
        match (cx.state().end_thread)(context) {
            true => Ok(()),
            false => Err(SystemControlError::UnknownThread),
        }
    }

    fn end_server(_: &mut Cx<'_, Self>, server: &str) -> Result<(), SystemControlError> {
        death::kill::<P>(&*living::<P>(server)?, format_args!("ended by a command"));
        death::finish::<P>();
        launch::revive::<P>();
        Ok(())
    }

    fn end_principal(cx: &mut Cx<'_, Self>, principal: &str) -> Result<u64, SystemControlError> {
        let end_threads_of = cx.state().end_threads_of;
        // SAFETY: inside `critical`.
        let plan = P::critical(|| unsafe { tables::<P>() }.plan);
        let number = plan.principals.iter().position(|planned| planned.name == principal);
        let number =
            number.filter(|number| *number != 0).ok_or(SystemControlError::UnknownPrincipal)?;
        let below: Vec<usize> = (number..plan.principals.len())
            .filter(|other| plan.is_within(*other, number))
            .collect();
        // Threads first, so that none of them starts anything more; and nobody comes back from a pause.
        below.iter().for_each(|principal| _ = P::critical(|| end_threads_of(*principal)));
        let is_below = |planned: usize| below.contains(&plan.servers[planned].principal);
        // SAFETY: inside `critical`.
        P::critical(|| unsafe { tables::<P>() }.stay_away(is_below));
        let servers: Vec<Held<P>> = P::critical(|| {
            let own = shown::<P>().filter(|instance| below.contains(&instance.principal));
            own.filter(|instance| instance.is_alive()).map(Held::new).collect()
        });
        servers.iter().for_each(|instance| death::dismiss::<P>(instance));
        let left: usize = below.iter().map(|own| P::critical(|| end_threads_of(*own))).sum();
        Ok(left as u64)
    }

    fn backtrace(cx: &mut Cx<'_, Self>) -> Result<(), SystemControlError> {
        let name_of_thread = cx.state().name_of_thread;
        P::critical(|| {
            P::threads(&mut |thread| {
                let name = name_of_thread(thread.token);
                P::log(Level::Info, SYSTEM, format_args!("thread {name}"));
                let mut frame = thread.frame;
                while frame > thread.frames {
                    frame = frame.wrapping_sub(1);
                    log_frame::<P>(frame);
                }
            });
        });
        Ok(())
    }
}

/// The instances of servers, in the order of loading: those that answer, and of each server that does not,
/// the last one, if it failed. Inside `critical`.
fn shown<P: Platform>() -> impl Iterator<Item = &'static Instance> {
    // SAFETY: inside `critical`, and nobody uses the tables while this is used.
    let all = unsafe { tables::<P>() }.instances();
    all.filter(|instance| {
        let failed = instance.failed.get() && !instance.superseded.get();
        instance.planned.is_some() && (instance.is_alive() || failed)
    })
}

/// The instance of a server that answers, by its name.
fn living<P: Platform>(server: &str) -> Result<Held<P>, SystemControlError> {
    // A copy, so that a wild address is met here and not inside `critical`.
    let server = String::from(server);
    let found = P::critical(|| {
        let mut alive = shown::<P>().filter(|instance| instance.is_alive());
        alive.find(|instance| instance.name == server).map(Held::<P>::new)
    });
    found.ok_or(SystemControlError::Unknown)
}

/// The text parts of a server's status.
fn describe(instance: &Instance) -> String {
    let (placement, domain) = match &instance.placement {
        Placement::Kernel => ("kernel", "-"),
        Placement::Own => ("own", instance.name.as_str()),
        Placement::Shared(name) => ("shared", name.as_str()),
    };
    format!("{}\0{}\0{placement}\0{domain}", instance.name, instance.file)
}

/// Writes a line about a frame between the first and the first free one of a thread.
fn log_frame<P: Platform>(frame: *mut Frame) {
    // SAFETY: the frame is in use.
    let &Frame { object, .. } = unsafe { &*frame };
    // SAFETY: as above.
    let is_bottom = unsafe { (*frame).is_bottom() };
    // SAFETY: a frame's object is valid while the frame is there.
    let Instance { name, base, .. } = unsafe { instance_of(object) };
    // SAFETY: as above.
    let kind = unsafe { (*object).kind };
    // SAFETY: a kind is valid as long as an object of it is in use, or a frame names one.
    let kind = unsafe { &*kind };
    let kind = &kind.name;
    let from = match is_bottom {
        true => 0,
        false => {
            // SAFETY: the frame is in use and not the bottom one.
            let slot = unsafe { return_slot(frame) };
            // SAFETY: what a frame in use names there can be read.
            unsafe { *slot }
        }
    };
    let line = format_args!("  {name} as {kind}, base {base:#x}, from {from:#x}");
    P::log(Level::Info, SYSTEM, line);
}
