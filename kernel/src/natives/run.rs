//! `ThreadFactory` and `Thread`, and the programs that a system starts with.
#![expect(unsafe_code, reason = "states of objects are raw addresses")]

use alloc::{string::String, sync::Arc, vec::Vec};

use warren::Service;
use warren_abi::call::{Ret, SystemError};
use warren_engine::{
    death,
    instance::Kind,
    launch,
    layout::Object,
    reference::{count_down, count_up},
    stub::{self, Shape, Words},
};
use warren_idl::{Program, Thread, ThreadError, ThreadFactory};

use super::{
    Word, add, arguments,
    glue::{answer_new, entries, fail, kind},
};
use crate::{
    cpu::interrupts,
    guarded::Guarded,
    log::log,
    machine,
    system::{self, Kernel},
    threads::{self, Token},
};

/// One run of a program.
#[derive(Default)]
struct Run {
    result: Option<(u64, u64)>,
    waiting: Vec<Token>,
}

type SharedRun = Arc<Guarded<Run>>;

struct Kinds {
    threads: &'static Kind,
    /// What a thread counts as running until its first call.
    bottom: Word,
}

static KINDS: Guarded<Option<Kinds>> = Guarded::new(None);

pub fn install() {
    let factory = add(<dyn ThreadFactory>::ID, kind::<dyn ThreadFactory>(entries![start], None));
    let threads = kind::<dyn Thread>(entries![join], Some(drop_thread));
    KINDS.with(|kinds| *kinds = Some(Kinds { threads, bottom: factory as Word }));
}

/// The object at the bottom of every thread.
pub fn bottom() -> *mut Object {
    KINDS.with(|kinds| kinds.as_ref().map(|kinds| kinds.bottom)).expect("natives are made at boot")
        as *mut Object
}

extern "C" fn start(_: u64, name: u64, name_bytes: u64, program: u64) -> Ret {
    // SAFETY: the words are a buffer of this call.
    let name = match unsafe { arguments::text(name, name_bytes) } {
        Ok(name) => name,
        Err(refusal) => return refusal,
    };
    let Some(run) = begin(name, program) else { return fail(ThreadError::TooMany) };
    let threads = KINDS.with(|kinds| kinds.as_ref().map(|kinds| kinds.threads));
    let state = Arc::into_raw(run) as u64;
    answer_new(threads.expect("natives are made at boot"), state)
}

/// Calls `Program::run` of an object on which the thread has a count, and gives the count back.
fn run_program(program: Word) -> Ret {
    let shape = Shape { atomic: false, reference: false };
    // SAFETY: the object provides `Program`, whose first function takes no word; its count is held.
    let result =
        unsafe { stub::invoke(program as *mut Object, 0, &Words::default(), shape) };
    release(program);
    result
}

fn release(object: Word) {
    if interrupts::off(|| count_down::<Kernel>(object as *mut Object)) {
        death::finish::<Kernel>();
    }
}

extern "C" fn join(state: u64) -> Ret {
    // SAFETY: the state was made by `start`, and lives as long as the object.
    let run = unsafe { &*(state as *const Guarded<Run>) };
    loop {
        let result = interrupts::off(|| {
            let result = run.with(|run| {
                if run.result.is_none() {
                    run.waiting.push(threads::running());
                }
                run.result
            });
            if result.is_none() {
                threads::block(u64::MAX);
            }
            result
        });
        match result {
            Some((0, status)) => return Ret::ok(status),
            Some(_) => return fail(ThreadError::Failed),
            None => (),
        }
    }
}

extern "C" fn drop_thread(state: u64) {
    // SAFETY: the engine drops a state once, after the last use.
    drop(unsafe { Arc::from_raw(state as *const Guarded<Run>) });
}

/// Starts what the plan says: programs run, other servers are loaded. When the last program has ended the
/// machine stops with its status.
pub fn start_programs() {
    let planned = interrupts::off(|| system::tables().plan.start.clone());
    let mut programs = Vec::new();
    for server in planned {
        match launch::launch::<Kernel>(server) {
            Ok(instance) => {
                let is_program = |kind: &Kind| kind.service == <dyn Program>::ID && !kind.local;
                if instance.kinds.iter().any(is_program) {
                    programs.push((instance.name.clone(), server));
                }
            }
            Err(fault) => log!("a server to start was not: {fault}"),
        }
    }
    let mut status = 0;
    let begun = |(name, server)| Some((name, begin_server(name, server)?));
    let programs = programs.iter().map(|(name, server): &(String, usize)| (name.as_str(), *server));
    let runs: Vec<_> = programs.filter_map(begun).collect();
    for (name, run) in runs {
        let ended = join(Arc::as_ptr(&run) as u64);
        status = if ended.error == 0 { ended.value } else { 1 };
        if let Some((error, _)) = run.with(|run| run.result).filter(|(error, _)| *error != 0) {
            let why = SystemError::from_number(error).map_or("its own error", SystemError::message);
            log!("{name} failed: {why} ({error})");
        }
    }
    log!("all programs have ended");
    machine::exit(status as u8)
}

/// Runs the root object of a server.
fn begin_server(name: &str, server: usize) -> Option<SharedRun> {
    let program = launch::root_of::<Kernel>(server, <dyn Program>::ID);
    let program = program.inspect_err(|why| log!("{name}: {why}")).ok()?;
    begin(name, program as Word)
}

/// Starts a thread that runs a program; `None` if there is no room for another one.
fn begin(name: &str, program: Word) -> Option<SharedRun> {
    let run = SharedRun::new(Guarded::new(Run::default()));
    let ended = run.clone();
    interrupts::off(|| count_up(program as *mut Object));
    let started = threads::start(name, bottom(), move || {
        let result = run_program(program);
        let waiting = ended.with(|run| {
            run.result = Some((result.error, result.value));
            core::mem::take(&mut run.waiting)
        });
        waiting.into_iter().for_each(threads::wake);
    });
    if started.is_err() {
        release(program);
        return None;
    }
    Some(run)
}
