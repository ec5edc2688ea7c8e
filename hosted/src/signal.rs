//! Signals: the timer that preempts, and the faults.
//!
//! # Which stack
//!
//! The timer's handler runs on the stack of what it interrupts, so that it can switch to another context
//! from inside: the signal's frame waits there. Handlers of faults run on a stack of their own, because
//! a fault may mean that there is no stack left; they change where the context goes on, and return.
#![expect(unsafe_code, reason = "signal handlers and what they interrupt")]

use std::{
    ffi::c_void,
    io,
    sync::atomic::{AtomicI32, AtomicPtr, AtomicU64, Ordering::Relaxed},
};

use warren_engine::death;

use crate::{
    Hosted, context::Guarded, critical, domain::process, fault, machine, sampling, schedule, time,
    watchdog,
};

/// The timer's signal.
const TICK: i32 = libc::SIGALRM;
/// Signals by which the processor reports faults.
pub const FAULTS: [i32; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];
/// Bytes of the stack for handlers of faults.
const FAULT_STACK_BYTES: usize = 64 * 1024;

/// The timer.
static TIMER: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());
/// Length of a time slice.
static SLICE_NS: AtomicU64 = AtomicU64::new(0);
/// When the slice of the thread that runs is over, by the monotonic clock. Only looked at while samples are taken.
static SLICE_END_NS: AtomicU64 = AtomicU64::new(0);
/// The Linux thread that the timer interrupts.
static THREAD: AtomicI32 = AtomicI32::new(0);

/// Catches faults and starts the timer.
pub fn install(slice_ns: u64) -> io::Result<()> {
    let stack = Guarded::new(FAULT_STACK_BYTES, true)?;
    let alternate =
        libc::stack_t { ss_sp: stack.start() as *mut _, ss_flags: 0, ss_size: FAULT_STACK_BYTES };
    core::mem::forget(stack);
    // SAFETY: the stack stays for good.
    check(unsafe { libc::sigaltstack(&alternate, core::ptr::null_mut()) })?;
    for signal in FAULTS {
        handle(signal, fault::handler as *const () as usize, libc::SA_ONSTACK)?;
    }
    // SAFETY: getting a thread's number has no preconditions.
    THREAD.store(unsafe { libc::gettid() }, Relaxed);
    SLICE_NS.store(slice_ns, Relaxed);
    handle(TICK, tick as *const () as usize, libc::SA_NODEFER | libc::SA_RESTART)?;
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut event: libc::sigevent = unsafe { core::mem::zeroed() };
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_signo = TICK;
    event.sigev_notify_thread_id = THREAD.load(Relaxed);
    let mut timer: libc::timer_t = core::ptr::null_mut();
    // SAFETY: both structures are ours.
    check(unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) })?;
    TIMER.store(timer, Relaxed);
    start_slice();
    Ok(())
}

/// Stops the timer.
pub fn stop_ticks() {
    set_timer(0);
}

/// Lets the timer tick once, after a slice, or before if samples are taken. A tick that is not yet dealt with is never followed by another.
pub fn start_slice() {
    let slice_ns = SLICE_NS.load(Relaxed);
    match sampling::interval_ns() {
        None => set_timer(slice_ns),
        Some(interval_ns) => {
            SLICE_END_NS.store(time::monotonic_ns() + slice_ns, Relaxed);
            set_timer(interval_ns.min(slice_ns));
        }
    }
}

/// The slice of the thread that runs is over, whatever the timer says.
pub fn end_slice() {
    SLICE_END_NS.store(0, Relaxed);
}

/// Deals with a tick, or with what was postponed: lets another thread run if the slice is over. In the outermost critical section.
pub fn rang() {
    let Some(interval_ns) = sampling::interval_ns() else { return schedule::preempt() };
    let now_ns = time::monotonic_ns();
    sampling::take(interval_ns, now_ns);
    match SLICE_END_NS.load(Relaxed).checked_sub(now_ns) {
        None | Some(0) => schedule::preempt(),
        Some(left_ns) => set_timer(interval_ns.min(left_ns)),
    }
}

fn set_timer(after_ns: u64) {
    let setting =
        libc::itimerspec { it_interval: time::timespec(0), it_value: time::timespec(after_ns) };
    let timer = TIMER.load(Relaxed);
    // SAFETY: the timer was made by `install`.
    unsafe { libc::timer_settime(timer, 0, &setting, core::ptr::null_mut()) };
}

fn handle(signal: i32, handler: usize, flags: i32) -> io::Result<()> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags | libc::SA_SIGINFO;
    if flags & libc::SA_ONSTACK != 0 {
        // The timer must not switch contexts on the stack for faults.
        // SAFETY: the set is ours.
        unsafe { libc::sigaddset(&mut action.sa_mask, TICK) };
    }
    // SAFETY: the handlers have the signature that SA_SIGINFO asks for, and live for good.
    check(unsafe { libc::sigaction(signal, &action, core::ptr::null_mut()) })
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lets the server die that computes for too long. In the outermost critical section, which then is none any more.
pub fn die_if_watched() {
    let Some(instance) = watchdog::look() else { return };
    start_slice();
    critical::abandon();
    let milliseconds = instance.watchdog_ms;
    death::die::<Hosted>(
        instance,
        format_args!("computed for {milliseconds} ms without calling or returning"),
    );
}

/// The timer's handler.
extern "C" fn tick(_signal: i32, _info: *mut libc::siginfo_t, context: *mut c_void) {
    if critical::is_inside() {
        process::interrupt_running();
        return critical::postpone();
    }
    // SAFETY: finding the C library's number of the last error has no preconditions.
    let last_error = unsafe { libc::__errno_location() };
    // SAFETY: it is this Linux thread's; contexts share it.
    let error = unsafe { *last_error };
    critical::enter();
    // SAFETY: the third argument of such a handler is the interrupted context.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let at = &mut registers[libc::REG_RIP as usize];
    *at = machine::with(|machine| machine.system.restart(*at as u64)) as i64;
    die_if_watched();
    rang();
    critical::leave();
    // SAFETY: as above.
    unsafe { *last_error = error };
}
