//! `ThreadFactory` and `Thread`, and the tasks that a system starts with.
#![expect(unsafe_code, reason = "tasks are called by the engine's own stub")]

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use warren::{Cx, Ref, Service};
use warren_abi::call::Ret;
use warren_engine::{
    death,
    instance::Instance,
    launch,
    layout::Object,
    platform::{Level, Platform},
    reference::{count_down, count_up, counted_root, tables},
    stub::{self, Shape, Words},
};
use warren_idl::{Principals, Task, Thread, ThreadError, ThreadFactory};
use warren_natives::LocalKind;

use super::Shared;
use crate::{Hosted, Token, critical, machine, schedule};

/// Makes threads.
pub struct Factory(LocalKind<dyn Thread, Run>);

/// Knows for whom threads work.
pub struct Payers(LocalKind<dyn Thread, Run>);

/// One run of a task.
pub struct Run(Shared<State>);

#[derive(Default)]
struct State {
    /// The thread that runs it, from right after its start.
    thread: AtomicU64,
    /// What the task answered.
    result: OnceLock<Ret>,
}

warren_natives::natives!(Factory, Payers, Run);

impl Factory {
    /// The factory. Inside a critical section.
    pub fn new() -> Self {
        Factory(LocalKind::new::<Hosted>())
    }
}

impl ThreadFactory for Factory {
    fn start<'f>(
        cx: &mut Cx<'f, Self>,
        name: &str,
        task: Ref<'f, dyn Task>,
    ) -> Result<Ref<'f, dyn Thread>, ThreadError> {
        start_thread(&cx.state().0, name, warren_natives::caller::<Hosted>().principal, task)
    }
}

impl Payers {
    /// There is one. Inside a critical section.
    pub fn new() -> Self {
        Payers(LocalKind::new::<Hosted>())
    }
}

impl Principals for Payers {
    fn current(_: &mut Cx<'_, Self>) -> Result<u32, ThreadError> {
        Ok(critical::run(Hosted::payer) as u32)
    }

    fn start<'f>(
        cx: &mut Cx<'f, Self>,
        name: &str,
        task: Ref<'f, dyn Task>,
    ) -> Result<Ref<'f, dyn Thread>, ThreadError> {
        start_thread(&cx.state().0, name, critical::run(Hosted::payer), task)
    }
}

/// Starts a thread of a principal that runs `task`.
fn start_thread<'f>(
    kind: &LocalKind<dyn Thread, Run>,
    name: &str,
    principal: usize,
    task: Ref<'f, dyn Task>,
) -> Result<Ref<'f, dyn Thread>, ThreadError> {
    let name = warren_natives::thread_name(name);
    critical::run(|| count_up(task.word() as *mut Object));
    let run = begin(&name, principal, task.word()).ok_or(ThreadError::TooMany)?;
    let created = warren_natives::create_local::<Hosted, _, _>(machine::natives(), kind, run);
    created.map_err(ThreadError::System)
}

impl Thread for Run {
    fn join(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        cx.state().wait()
    }
}

impl Run {
    /// Waits for the end and returns the exit status.
    fn wait(&self) -> Result<u64, ThreadError> {
        schedule::join(Token(self.0.thread.load(Relaxed)))?;
        self.0.result.get().map_or(Err(ThreadError::Failed), status)
    }
}

/// The exit status, if it is one that a task answered.
fn status(result: &Ret) -> Result<u64, ThreadError> {
    match result {
        Ret { error: 0, value } => Ok(*value),
        _ => Err(ThreadError::Failed),
    }
}

/// Starts a thread of a principal that runs a task; it takes over a count of it. `None` if there is no room for a thread.
fn begin(name: &str, principal: usize, task: u64) -> Option<Run> {
    let state = Shared::new(State::default());
    let ended = state.clone();
    let main = move || {
        let shape = Shape::default();
        // SAFETY: the object provides `Task`, whose first function takes no word; its count is held.
        let result = unsafe { stub::invoke(task as *mut Object, 0, &Words::default(), shape) };
        ended.result.get_or_init(|| result);
        release(task);
        critical::run(death::wake_attendant::<Hosted>);
    };
    let started = Hosted::on_account(principal, || schedule::start_thread(name, main));
    let Ok(Token(token)) = started else {
        release(task);
        return None;
    };
    state.thread.store(token, Relaxed);
    Some(Run(state))
}

/// Gives a count back.
fn release(object: u64) {
    if critical::run(|| count_down::<Hosted>(object as *mut Object)) {
        death::finish::<Hosted>();
    }
}

/// Starts what the plan says: tasks run, other servers are loaded. Returns the status of the last task
/// to be started when all of them have ended.
pub fn run_tasks() -> u32 {
    // SAFETY: inside a critical section.
    let planned = critical::run(|| &unsafe { tables::<Hosted>() }.plan.start);
    let mut instances = Vec::new();
    for &server in planned {
        match launch::launch::<Hosted>(server) {
            Ok(instance) => instances.push(instance),
            Err(fault) => {
                let line = format_args!("a server to start was not: {fault}");
                Hosted::log(Level::Error, machine::NAME, line);
            }
        }
    }
    let runs: Vec<Run> =
        instances.into_iter().filter_map(|instance| begin_server(&instance)).collect();
    let mut status = 0;
    for run in runs {
        let result = warren_natives::attend::<Hosted, _>(|_| run.0.result.get());
        status = result.map_or(Err(ThreadError::Failed), self::status).map_or(1, |it| it as u32);
    }
    Hosted::log(Level::Info, machine::NAME, format_args!("all tasks have ended"));
    status
}

/// Runs the root object of an instance, if it is a task.
fn begin_server(instance: &Instance) -> Option<Run> {
    let object = critical::run(|| counted_root(instance, <dyn Task as Service>::ID))?;
    begin(&instance.name, instance.principal, object as u64)
}
