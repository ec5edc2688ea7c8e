//! A Linux process that shows one domain's memory and nothing else.
//!
//! # How
//!
//! It is a child that this process traces. Nothing of its own runs in it: it goes where its registers are set to, until
//! it makes a system call, which Linux then does *not* carry out (`PTRACE_SYSEMU`), or faults, or is interrupted; that is
//! an [`Event`] here. So whatever code of a server does, it reaches nothing but the domain's memory.
//!
//! Memory is mapped in it by a system call that is let through: the one in the [`trampoline`], which only this module
//! sends it to. Its table of file descriptors is this process's own, so that a file which is mapped here can be mapped there.
//!
//! # Never
//!
//! More than one process runs at a time, and none while code of this process does.
#![expect(unsafe_code, reason = "a process is forked and traced")]

use std::{
    ffi::c_void,
    io,
    mem::{offset_of, zeroed},
    ops::Range,
    sync::atomic::{AtomicI32, Ordering::Relaxed},
};

use warren_engine::{platform::Exhausted, space::Protection};

use super::trampoline;
use crate::{
    region::{access, page_bytes},
    signal::FAULTS,
    time,
};

/// End of what a process may map.
const END_OF_MEMORY: u64 = 0x7fff_ffff_f000;
/// A system call's stop, told from a breakpoint by `PTRACE_O_TRACESYSGOOD`.
const SYSTEM_CALL_STOP: i32 = libc::SIGTRAP | 0x80;
/// What `orig_rax` holds where no system call is to be begun again.
const NO_CALL: u64 = u64::MAX;
/// Room for the extended registers of any processor there is.
const EXTENDED_BYTES: usize = 16 * 1024;
/// The set of registers that the XSAVE instructions know, as `ptrace` calls it.
const EXTENDED_SET: usize = 0x202;

/// The process that runs, for the timer's handler; 0 if none does.
static RUNNING: AtomicI32 = AtomicI32::new(0);

/// General registers of a visit.
pub type Registers = libc::user_regs_struct;

/// Why a process has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It made a system call: the number is in `orig_rax`.
    SystemCall,
    /// It faulted.
    Fault {
        /// The signal that Linux would have sent it.
        signal: i32,
        /// The signal's code.
        code: i32,
        /// The address that it touched.
        address: u64,
    },
    /// The timer wants another thread to run.
    Interrupted,
    /// It is no more: somebody else has killed it.
    Gone,
}

/// Extended registers of a visit that was interrupted, as the XSAVE instructions write them.
pub struct Extended([u8; EXTENDED_BYTES]);

impl Extended {
    /// Room for them.
    pub const EMPTY: Extended = Extended([0; EXTENDED_BYTES]);
}

/// What they are where a call begins or ends: everything is in its initial state, and the parts that have control words
/// (x87 and SSE) say so themselves.
static INITIAL_EXTENDED: [u8; EXTENDED_BYTES] = {
    let mut bytes = [0; EXTENDED_BYTES];
    let [low, high] = 0x037f_u16.to_le_bytes();
    (bytes[0], bytes[1]) = (low, high);
    let [low, high] = 0x1f80_u16.to_le_bytes();
    (bytes[24], bytes[25]) = (low, high);
    bytes[512] = 0b11;
    bytes
};

/// A process.
///
/// P1: it is a child of this one, traced, and stopped, unless [`Process::resume`] waits for it.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pid: libc::pid_t,
    /// Counts its processor time.
    clock: libc::clockid_t,
    /// Address of the trampoline.
    trampoline: u64,
    /// What every visit starts with: segments and flags.
    initial: Registers,
    /// Bytes of the extended registers.
    extended_bytes: usize,
}

impl Process {
    /// A process that shows the page of the trampoline, which is mapped here at the same address, and nothing else.
    pub fn new(trampoline: u64) -> io::Result<Self> {
        // SAFETY: a child with memory of its own, in which only `wait_for_tracer` runs.
        let pid = unsafe {
            libc::syscall(libc::SYS_clone, libc::CLONE_FILES | libc::SIGCHLD, 0, 0, 0, 0)
        } as libc::pid_t;
        match pid {
            0 => wait_for_tracer(),
            pid if pid < 0 => return Err(io::Error::last_os_error()),
            _ => (),
        }
        // SAFETY: all-zero is a valid value of this plain structure.
        let initial = unsafe { zeroed() };
        let mut process =
            Process { pid, clock: 0, trampoline, initial, extended_bytes: EXTENDED_BYTES };
        process.prepare().inspect_err(|_| process.end())?;
        Ok(process)
    }

    /// Takes the new process over.
    fn prepare(&mut self) -> io::Result<()> {
        if self.wait() != Some(libc::SIGSTOP) {
            return Err(io::Error::other("it has not stopped for its tracer"));
        }
        // SAFETY: the number is ours to be written.
        if unsafe { libc::clock_getcpuclockid(self.pid, &mut self.clock) } != 0 {
            return Err(io::Error::other("its processor time is not counted"));
        }
        let options = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD;
        self.trace(libc::PTRACE_SETOPTIONS, 0, options as usize)?;
        // SAFETY: all-zero is a valid value of this plain structure.
        let mut forked: Registers = unsafe { zeroed() };
        self.trace(libc::PTRACE_GETREGS, 0, &raw mut forked as usize)?;
        self.initial.cs = forked.cs;
        self.initial.ss = forked.ss;
        self.initial.ds = forked.ds;
        self.initial.es = forked.es;
        self.initial.eflags = 0x202;
        self.initial.orig_rax = NO_CALL;
        let mut ignored = [0; EXTENDED_BYTES];
        self.extended_bytes =
            self.exchange_extended(libc::PTRACE_GETREGSET, ignored.as_mut_ptr())?;
        self.forget_restartable_sequences()?;
        let end = self.trampoline + page_bytes() as u64;
        for Range { start, end } in [0..self.trampoline, end..END_OF_MEMORY] {
            self.call(libc::SYS_munmap, [start, end - start, 0, 0, 0, 0])?;
        }
        Ok(())
    }

    /// Linux would write to a structure of the C library's that is about to be unmapped, and end the process over it.
    fn forget_restartable_sequences(&self) -> io::Result<()> {
        const GET_CONFIGURATION: libc::c_uint = 0x420f;
        const UNREGISTER: u64 = 1;
        #[repr(C)]
        #[derive(Default)]
        struct Configuration {
            address: u64,
            bytes: u32,
            signature: u32,
            flags: u32,
            padding: u32,
        }
        let mut found = Configuration::default();
        let bytes = size_of::<Configuration>();
        self.trace(GET_CONFIGURATION, bytes, &raw mut found as usize)?;
        if found.address == 0 {
            return Ok(());
        }
        let Configuration { address, bytes, signature, .. } = found;
        let arguments = [address, bytes.into(), UNREGISTER, signature.into(), 0, 0];
        self.call(libc::SYS_rseq, arguments).map(drop)
    }

    /// Registers of a visit that starts at `address`.
    pub fn start(&self, address: u64) -> Registers {
        Registers { rip: address, ..self.initial }
    }

    /// Address of the trampoline's part that calls a function.
    pub fn entrance(&self) -> u64 {
        self.trampoline + trampoline::enter_offset()
    }

    /// Maps part of a file here at an address in the domain.
    pub fn map(
        &self,
        address: u64,
        bytes: u64,
        protection: Protection,
        (file, offset): (i32, u64),
    ) -> Result<(), Exhausted> {
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        let access = access(protection) as u64;
        let arguments = [address, bytes, access, flags as u64, file as u64, offset];
        self.call(libc::SYS_mmap, arguments).map(drop).map_err(|_| Exhausted)
    }

    /// Takes pages of the domain away.
    pub fn unmap(&self, address: u64, bytes: u64) {
        // The process may have been killed meanwhile, and has no pages then.
        let _ = self.call(libc::SYS_munmap, [address, bytes, 0, 0, 0, 0]);
    }

    /// Lets the process run from these registers until it stops, and gives them back as they are then.
    pub fn resume(&self, registers: &mut Registers) -> Event {
        RUNNING.store(self.pid, Relaxed);
        let event = self.run(libc::PTRACE_SYSEMU, registers);
        RUNNING.store(0, Relaxed);
        event.unwrap_or(Event::Gone)
    }

    /// Saves the extended registers, which code that is not at a call's end needs back.
    pub fn save_extended(&self, Extended(bytes): &mut Extended) -> io::Result<()> {
        self.exchange_extended(libc::PTRACE_GETREGSET, bytes.as_mut_ptr()).map(drop)
    }

    /// Gives the process its extended registers back.
    pub fn load_extended(&self, Extended(bytes): &Extended) -> io::Result<()> {
        self.exchange_extended(libc::PTRACE_SETREGSET, bytes.as_ptr().cast_mut()).map(drop)
    }

    /// Clears the extended registers: what they hold is nobody's business but that of who put it there.
    pub fn scrub(&self) -> io::Result<()> {
        let bytes = INITIAL_EXTENDED.as_ptr().cast_mut();
        self.exchange_extended(libc::PTRACE_SETREGSET, bytes).map(drop)
    }

    /// Reads the extended registers into [`EXTENDED_BYTES`], or writes them from there; returns how many bytes they are.
    fn exchange_extended(&self, request: libc::c_uint, bytes: *mut u8) -> io::Result<usize> {
        let mut vector = libc::iovec { iov_base: bytes.cast(), iov_len: self.extended_bytes };
        self.trace(request, EXTENDED_SET, &raw mut vector as usize)?;
        Ok(vector.iov_len)
    }

    /// Nanoseconds of processor time that it has used; 0 if it is no more.
    pub fn cpu_ns(&self) -> u64 {
        time::read(self.clock)
    }

    /// Ends the process.
    pub fn end(&self) {
        // SAFETY: the child is ours (P1), and was not waited for to its end.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        while self.wait().is_some() {}
    }

    /// Lets Linux carry out a system call in the process.
    fn call(&self, number: i64, arguments: [u64; 6]) -> io::Result<u64> {
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        let at = self.trampoline + trampoline::call_offset();
        let start = self.start(at);
        let mut registers = Registers { rax: number as u64, rdi, rsi, rdx, r10, r8, r9, ..start };
        // The timer may have wanted to interrupt it before: then it has not got far.
        while self.run(libc::PTRACE_CONT, &mut registers)? == Event::Interrupted {}
        let result = registers.rax.cast_signed();
        match result {
            -4095..0 => Err(io::Error::from_raw_os_error(-result as i32)),
            _ => Ok(registers.rax),
        }
    }

    /// Goes on in one way or the other, until the process stops.
    fn run(&self, way: libc::c_uint, registers: &mut Registers) -> io::Result<Event> {
        self.trace(libc::PTRACE_SETREGS, 0, core::ptr::from_mut(registers) as usize)?;
        self.trace(way, 0, 0)?;
        let Some(signal) = self.wait() else { return Ok(Event::Gone) };
        self.trace(libc::PTRACE_GETREGS, 0, core::ptr::from_mut(registers) as usize)?;
        if signal == SYSTEM_CALL_STOP {
            return Ok(Event::SystemCall);
        }
        if !FAULTS.contains(&signal) {
            return Ok(Event::Interrupted);
        }
        // SAFETY: all-zero is a valid value of this plain structure.
        let mut information: libc::siginfo_t = unsafe { zeroed() };
        self.trace(libc::PTRACE_GETSIGINFO, 0, &raw mut information as usize)?;
        // SAFETY: signals of faults have an address.
        let address = unsafe { information.si_addr() } as u64;
        Ok(Event::Fault { signal, code: information.si_code, address })
    }

    /// Waits until the process has stopped, and says for which signal; `None` if it is no more.
    fn wait(&self) -> Option<i32> {
        let mut status = 0;
        // SAFETY: the child is ours, and the status, too.
        while unsafe { libc::waitpid(self.pid, &mut status, libc::__WALL) } != self.pid {
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return None;
            }
        }
        libc::WIFSTOPPED(status).then(|| libc::WSTOPSIG(status))
    }

    /// A request about the process, which is stopped (P1).
    fn trace(&self, request: libc::c_uint, address: usize, data: usize) -> io::Result<()> {
        let (address, data) = (address as *mut c_void, data as *mut c_void);
        // SAFETY: the requests of this module read and write what `data` points to, which is the caller's.
        match unsafe { libc::ptrace(request, self.pid, address, data) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

/// Stops the process that runs, if one does. For the timer's handler.
pub fn interrupt_running() {
    let pid = RUNNING.load(Relaxed);
    if pid != 0 {
        // SAFETY: the child is ours, and is not waited for to its end while it runs.
        unsafe { libc::syscall(libc::SYS_tgkill, pid, pid, libc::SIGSTOP) };
    }
}

/// What the new process does by itself: it is a copy of this one, and may use nothing that others lock.
fn wait_for_tracer() -> ! {
    // SAFETY: a process may ask to be traced by its parent.
    unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
    loop {
        // SAFETY: asking for one's own number has no preconditions.
        let own = unsafe { libc::syscall(libc::SYS_getpid) };
        // SAFETY: the process stops, and is never seen here again.
        unsafe { libc::syscall(libc::SYS_kill, own, libc::SIGSTOP) };
    }
}

const _: () = assert!(offset_of!(Registers, orig_rax) == 15 * 8, "registers are as Linux has them");
