//! Faults: whose they are, and how they become an error at the caller.
//!
//! | where the fault happens | whose it is |
//! | --- | --- |
//! | code in an instance's region, or where no code is | the newest frame's callee |
//! | a stub that was given a word that names no object | the server that called it |
//! | the guard of the thread's frames | nobody's: the call is refused with `TooDeep` |
//! | the guard of the thread's stack | the server that runs, or that called what runs |
//! | a native, outside of critical sections | the server that passed it a wild buffer |
//! | anything else | a bug of the platform or the engine: the process ends |
//!
//! Stack may run out in the middle of a critical section. Then the guard is opened, the section
//! goes on with that reserve, and the server dies at its end.
#![expect(unsafe_code, reason = "registers of interrupted code and raw frames")]

use std::{
    ffi::c_void,
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use warren_abi::call::SystemError;
use warren_engine::{
    death,
    instance::Instance,
    layout::{Frame, Object},
    reference,
    space::INSTANCE_BYTES,
};

use crate::{Hosted, context, context::STACK_BYTES, critical, machine, machine::Machine, terminal};

/// Bytes below a caller's stack pointer that stay untouched when its call is cut off.
pub const CALLERS_RED_ZONE: u64 = 128;
/// How near the end of the stack a signal that finds no room is taken for an overflow.
const SIGNAL_FRAME_BYTES: u64 = 16 * 1024;

/// In place of a signal: stack ran out.
const NO_STACK: i32 = 0;
/// In place of a signal: a privileged instruction, or an address that no memory can have.
const NO_ADDRESS: i32 = -1;

/// The running thread used its stack's reserve inside a critical section.
static OVERFLOWED: AtomicBool = AtomicBool::new(false);
/// The fault that [`die_here`] reports: signal, address of the code, address that it touched.
static REPORT: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// A fault, for people.
struct Report {
    signal: i32,
    code: u64,
    address: u64,
    /// First address of the server's region.
    base: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { signal, code, address, base } = *self;
        match signal {
            NO_STACK => return write!(out, "ran out of stack"),
            libc::SIGFPE => write!(out, "divided by zero")?,
            libc::SIGILL => write!(out, "ran into an illegal instruction")?,
            libc::SIGTRAP => write!(out, "ran into a breakpoint")?,
            NO_ADDRESS => write!(out, "did what only a kernel may")?,
            _ => write!(out, "touched address {address:#x}")?,
        }
        match code.checked_sub(base).filter(|offset| *offset < INSTANCE_BYTES) {
            Some(offset) => write!(out, " at {offset:#x} of its file"),
            None => write!(out, " at {code:#x}, which is not its own"),
        }
    }
}

/// Registers of the interrupted context.
struct Registers<'a>(&'a mut [libc::greg_t; 23]);

impl Registers<'_> {
    fn get(&self, register: i32) -> u64 {
        self.0[register as usize] as u64
    }

    fn set(&mut self, register: i32, value: u64) {
        self.0[register as usize] = value as i64;
    }
}

/// The handler of all faults. It runs on a stack of its own, with the timer blocked.
pub extern "C" fn handler(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the arguments of such a handler are as the signal's man page says.
    let info = unsafe { &*info };
    // SAFETY: as above.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let code = info.si_code;
    // SAFETY: signals of faults have an address.
    let address = unsafe { info.si_addr() } as u64;
    let mut registers = Registers(&mut context.uc_mcontext.gregs);
    if !machine::is_here() {
        fail(signal, &registers, address);
    }
    // SAFETY: faults do not happen while the state is borrowed, unless there is a bug, which ends here.
    let machine = unsafe { machine::state() };
    // SAFETY: the running thread's record is valid.
    let thread = unsafe { &*machine.current };
    let stack_pointer = registers.get(libc::REG_RSP);
    let end_of_stack = thread.stack.start() as u64;
    let found_no_room = code == libc::SI_KERNEL
        && signal == libc::SIGSEGV
        && stack_pointer < end_of_stack + SIGNAL_FRAME_BYTES
        && stack_pointer > end_of_stack - STACK_BYTES as u64;
    if thread.stack.guards(address as usize) || found_no_room {
        let has_reserve = thread.stack.open(true);
        if critical::is_inside() {
            if !has_reserve {
                fail(signal, &registers, address);
            }
            OVERFLOWED.store(true, Relaxed);
            crate::signal::end_slice();
            return critical::postpone();
        }
        return kill_server(machine, NO_STACK, end_of_stack, &mut registers);
    }
    if critical::is_inside() {
        fail(signal, &registers, address);
    }
    if thread.frames.guards(address as usize) {
        return refuse_call(&mut registers);
    }
    pop_wild_call(machine);
    let signal = if code == libc::SI_KERNEL { NO_ADDRESS } else { signal };
    let rip = registers.get(libc::REG_RIP);
    let is_native = reference::current::<Hosted>().base == 0;
    if machine.regions.contains(rip) || rip == address || is_native {
        return kill_server(machine, signal, address, &mut registers);
    }
    fail(signal, &registers, address)
}

/// Answers a call for which there is no frame left: the stub has done nothing yet.
fn refuse_call(registers: &mut Registers<'_>) {
    let stack_pointer = registers.get(libc::REG_RSP);
    // SAFETY: the first instruction of a stub that touches its frame finds the return address there, and leaves it.
    let return_address = unsafe { *(stack_pointer as *const u64) };
    registers.set(libc::REG_RIP, return_address);
    registers.set(libc::REG_RSP, stack_pointer + 8);
    registers.set(libc::REG_RAX, SystemError::TooDeep.number());
    registers.set(libc::REG_RDX, 0);
}

/// Takes the newest frame away if what it calls is no object: its stub read from the wild word.
fn pop_wild_call(machine: &Machine) {
    let newest = reference::newest_frame::<Hosted>();
    // SAFETY: the newest frame is valid.
    let word = unsafe { (*newest).object } as u64;
    if machine.system.object(word).is_none() {
        // SAFETY: the block is the running thread's, and the bottom frame's object is one.
        unsafe { (*machine::cpu()).frame = newest };
    }
}

/// Makes the context go on by letting the server die that runs or that called what runs.
fn kill_server(machine: &Machine, signal: i32, address: u64, registers: &mut Registers<'_>) {
    // SAFETY: the running thread's record is valid.
    let bottom = unsafe { (*machine.current).record.frames };
    let mut newest = reference::newest_frame::<Hosted>();
    while is_native(newest) {
        if newest == bottom {
            fail(signal, registers, address);
        }
        // SAFETY: the bottom frame lies below.
        newest = unsafe { newest.sub(1) };
    }
    make_newest(newest);
    let code = registers.get(libc::REG_RIP);
    for (slot, value) in REPORT.iter().zip([signal as u64, code, address]) {
        slot.store(value, Relaxed);
    }
    // SAFETY: the newest frame is valid.
    let stack = unsafe { (*newest).stack } - CALLERS_RED_ZONE;
    registers.set(libc::REG_RIP, context::begin());
    registers.set(libc::REG_RBX, die_here as *const () as u64);
    registers.set(libc::REG_RSP, stack & !15);
    registers.set(libc::REG_EFL, registers.get(libc::REG_EFL) & !PROCESSOR_FLAGS);
}

/// Direction, trap and alignment check: they are clear when a function is entered.
const PROCESSOR_FLAGS: u64 = 1 << 10 | 1 << 8 | 1 << 18;

/// Takes the frames above this one away.
fn make_newest(frame: *mut Frame) {
    // SAFETY: the block is the running thread's.
    let cpu = unsafe { &mut *machine::cpu() };
    cpu.frame = frame.wrapping_add(1);
}

/// Whether a frame's callee belongs to the platform.
fn is_native(frame: *const Frame) -> bool {
    // SAFETY: frames in use are valid.
    let object: *const Object = unsafe { (*frame).object };
    // SAFETY: they hold valid objects of valid instances.
    let object = unsafe { &*object };
    // SAFETY: as above.
    unsafe { (*object.instance).base == 0 }
}

/// Where a thread goes on whose server faulted.
extern "C" fn die_here() -> ! {
    let instance = reference::current::<Hosted>();
    let [signal, code, address] = REPORT.each_ref().map(|slot| slot.load(Relaxed));
    let report = Report { signal: signal as i32, code, address, base: instance.base };
    death::die::<Hosted>(instance, format_args!("{report}"))
}

/// Lets the server die whose code faulted at `code` in its domain. `kind` is the signal's code.
pub fn die_in_domain(
    callee: &'static Instance,
    signal: i32,
    kind: i32,
    address: u64,
    code: u64,
) -> ! {
    let is_stack = machine::with(|machine| {
        let domain = machine.regions.domain_of(callee.base);
        let domain = domain.and_then(|domain| machine.domains.get(domain));
        domain.is_some_and(|domain| address.wrapping_sub(domain.stacks) < INSTANCE_BYTES)
    });
    let signal = match kind {
        _ if is_stack => NO_STACK,
        libc::SI_KERNEL if signal == libc::SIGSEGV => NO_ADDRESS,
        _ => signal,
    };
    let report = Report { signal, code, address, base: callee.base };
    death::die::<Hosted>(callee, format_args!("{report}"))
}

/// If stack ran out inside the critical section that ends now, lets the server die. It is the outermost one.
pub fn die_if_overflowed() {
    if !OVERFLOWED.swap(false, Relaxed) {
        return;
    }
    crate::signal::start_slice();
    critical::abandon();
    let mut newest = reference::newest_frame::<Hosted>();
    while is_native(newest) {
        // SAFETY: stack runs out in what a server called, so there is a server's frame.
        newest = unsafe { newest.sub(1) };
    }
    make_newest(newest);
    death::die::<Hosted>(reference::current::<Hosted>(), format_args!("ran out of stack"))
}

/// Makes the reserve a guard again if the thread goes on far enough above it. Called from there.
pub fn close_reserve(frame: *const Frame) {
    machine::with(|machine| {
        // SAFETY: the running thread's record is valid.
        let thread = unsafe { &*machine.current };
        // SAFETY: the newest frame is valid.
        if unsafe { (*frame).stack } > thread.stack.start() as u64 + SIGNAL_FRAME_BYTES {
            thread.stack.open(false);
        }
    });
}

/// A fault of nobody's but ours: reports it and ends the process.
fn fail(signal: i32, registers: &Registers<'_>, address: u64) -> ! {
    terminal::restore();
    let (rip, rsp) = (registers.get(libc::REG_RIP), registers.get(libc::REG_RSP));
    eprintln!("warren-hosted: signal {signal} at {rip:#x}, address {address:#x}, stack {rsp:#x}");
    // A second fault of this kind ends the process with the signal that a debugger expects.
    // SAFETY: giving the default action back has no preconditions.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    std::process::abort()
}
