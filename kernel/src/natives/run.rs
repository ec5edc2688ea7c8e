//! `ThreadFactory` and `Thread`, and the tasks that a system starts with.
#![expect(unsafe_code, reason = "tasks are called by the engine's own stub")]

use alloc::{sync::Arc, vec::Vec};

use warren::{Cx, Ref, Service};
use warren_abi::call::{Ret, SystemError};
use warren_engine::{
    death,
    instance::Instance,
    launch,
    layout::Object,
    platform::Platform,
    record::Held,
    reference::{count_down, count_up, counted_root},
    stub::{self, Shape, Words},
};
use warren_idl::{Principals, Task, Thread, ThreadError, ThreadFactory};
use warren_kernel::contexts::{End, Token};
use warren_natives::Waiters;

use super::{
    Word, answer, bottom, kinds,
    schedulers::{self, place_of},
};
use crate::{
    cpu::interrupts,
    guarded::Guarded,
    log::log,
    machine,
    system::{self, Kernel},
    threads,
};

/// Makes threads.
pub struct Factory;

/// Knows for whom threads work.
pub struct Payers;

/// One run of a task.
pub struct Run(Arc<Guarded<State>>);

struct State {
    result: Option<Ret>,
    waiting: Waiters,
}

warren_natives::natives!(Factory, Payers, Run);

impl ThreadFactory for Factory {
    fn start<'f>(
        _: &mut Cx<'f, Self>,
        name: &str,
        task: Ref<'f, dyn Task>,
    ) -> Result<Ref<'f, dyn Thread>, ThreadError> {
        start_thread(name, warren_natives::caller::<Kernel>().principal, task)
    }
}

impl Principals for Payers {
    fn current(_: &mut Cx<'_, Self>) -> Result<u32, ThreadError> {
        Ok(Kernel::payer() as u32)
    }

    fn start<'f>(
        _: &mut Cx<'f, Self>,
        name: &str,
        task: Ref<'f, dyn Task>,
    ) -> Result<Ref<'f, dyn Thread>, ThreadError> {
        start_thread(name, Kernel::payer(), task)
    }
}

/// Starts a thread of a principal that runs `task`.
fn start_thread<'f>(
    name: &str,
    principal: usize,
    task: Ref<'f, dyn Task>,
) -> Result<Ref<'f, dyn Thread>, ThreadError> {
    let name = warren_natives::thread_name(name);
    interrupts::off(|| count_up(task.word() as *mut Object));
    let run = begin(&name, principal, task.word()).ok_or(ThreadError::TooMany)?;
    answer(kinds().runs, run).map_err(ThreadError::System)
}

impl Thread for Run {
    fn join(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        match cx.state().wait()? {
            Ret { error: 0, value } => Ok(value),
            _ => Err(ThreadError::Failed),
        }
    }
}

impl Run {
    /// Waits for the end and returns what the task answered.
    fn wait(&self) -> Result<Ret, SystemError> {
        threads::wait_until(|waiter| self.look(waiter))
    }

    /// What the task answered; notes who waits for that.
    fn look(&self, waiter: Token) -> Option<Ret> {
        self.0.with(|state| {
            if state.result.is_none() {
                state.waiting.note(waiter);
            }
            state.result
        })
    }

    /// Notes what the task answered.
    fn end(&self, result: Ret) {
        let waiting = self.0.with(|state| {
            state.result = Some(result);
            state.waiting.take()
        });
        waiting.into_iter().for_each(threads::wake_by_running);
    }
}

/// Starts a thread of a principal that runs a task; it takes over a count of it. `None` if there is no room for a thread.
fn begin(name: &str, principal: usize, task: Word) -> Option<Run> {
    let state = Arc::new(Guarded::new(State { result: None, waiting: Waiters::new() }));
    let ended = Run(state.clone());
    let started = threads::start(name, place_of(principal), bottom(), move || {
        let shape = Shape::default();
        // SAFETY: the object provides `Task`, whose first function takes no word; its count is held.
        let result = unsafe { stub::invoke(task as *mut Object, 0, &Words::default(), shape) };
        release(task);
        ended.end(result);
        if result.error == 0 { End::Finished } else { End::Faulted }
    });
    if started.is_err() {
        release(task);
        return None;
    }
    Some(Run(state))
}

/// Gives a count back.
pub fn release(object: Word) {
    if interrupts::off(|| count_down::<Kernel>(object as *mut Object)) {
        death::finish::<Kernel>();
    }
}

/// Starts what the plan says: tasks run, other servers are loaded. When all tasks have ended the
/// machine stops with the status of the last one to be started.
pub fn start_tasks() -> End {
    schedulers::start();
    let planned = interrupts::off(|| &system::tables().plan.start);
    let mut instances = Vec::new();
    for &server in planned {
        match launch::launch::<Kernel>(server) {
            Ok(instance) => instances.push(instance),
            Err(fault) => log!("a server to start was not: {fault}"),
        }
    }
    let begun = |instance: Held<Kernel>| begin_server(&instance).map(|run| (instance, run));
    let runs: Vec<_> = instances.into_iter().filter_map(begun).collect();
    let mut status = 0;
    for (instance, run) in runs {
        let ended = warren_natives::attend::<Kernel, _>(|waiter| run.look(waiter));
        let Ret { error, value } = ended.unwrap_or_else(|error| Ret::err(error.number()));
        status = if error == 0 { value as u8 } else { 1 };
        if error != 0 {
            let why = SystemError::from_number(error).map_or("its own error", SystemError::message);
            log!("{} failed: {why} ({error})", instance.name);
        }
    }
    log!("all tasks have ended");
    machine::exit(status)
}

/// Runs the root object of an instance, if it is a task.
fn begin_server(instance: &Instance) -> Option<Run> {
    let object = interrupts::off(|| counted_root(instance, <dyn Task as Service>::ID))?;
    begin(&instance.name, instance.principal, object as Word)
}
