//! Starting the other CPUs, one after the other.
//!
//! A CPU is woken by an INIT and by start-up interrupts (Intel SDM 3A, 9.4), which let it begin in real mode in a page below 1 MiB. The
//! code there enters long mode with the boot tables, and goes on in the kernel's with the stack that the CPU was given. It
//! answers, and its time-stamp counter is compared with that of the CPU that boots, because all books are kept in its counts. A CPU
//! that does not answer or counts differently is left out.
#![expect(unsafe_code, reason = "the first instructions of a CPU")]

use alloc::boxed::Box;
use core::{
    ptr::null_mut,
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

use warren_kernel::{acpi::Controllers, information::Information};

use super::entry::{data_segments_loaded, long_mode_entered};
use crate::{
    calls,
    cpu::{
        block, clock, descriptors, features, interrupts, kernel_lock,
        local::{self, Local},
        local_apic, registers,
    },
    log::log,
    memory::{PAGE, direct, kernel_map},
    threads,
};

/// What a CPU needs after its INIT.
const INIT_NS: u64 = 10_000_000;
/// Patience with one that was sent a start-up interrupt, before the second one and behind it.
const PATIENCE_NS: [u64; 2] = [1_000_000, 500_000_000];
/// Start-up interrupts lead to pages below this address.
const LOW_MEMORY: u64 = 0xa_0000;
/// Comparisons of the two time-stamp counters.
const COMPARISONS: usize = 16;
/// Counts by which they may differ at least, as far as can be seen: other CPUs' memory is some hundred of them away.
const TOLERANCE: u64 = 1000;

/// What a CPU is given to start with. Assembly reads it.
#[repr(C)]
struct Given {
    /// Top of its stack.
    stack: u64,
    /// Its record.
    local: &'static Local,
}

/// What the CPU that is being started takes. One that comes too late finds nothing.
static GIVEN: AtomicPtr<Given> = AtomicPtr::new(null_mut());
/// Physical address of the kernel's page tables.
static ROOT: AtomicU64 = AtomicU64::new(0);
/// The conversation with the CPU that is being started.
static TALK: AtomicU64 = AtomicU64::new(SILENCE);

/// Nothing was said.
const SILENCE: u64 = 0;
/// The started CPU is there.
const HERE: u64 = 1;
/// It is asked for its time-stamp counter, and answers with it.
const COUNT: u64 = 2;
/// It belongs to those that run.
const WELCOME: u64 = 3;
/// It is left out.
const FAREWELL: u64 = 4;

unsafe extern "C" {
    static others_real: u8;
    static others_real_end: u8;
}

/// Starts all CPUs that the tables name, and says how many run.
pub fn start(controllers: &Controllers, information: &Information) {
    let own = local_apic::id();
    let processors = controllers.processors.entries();
    let mut others = processors.iter().copied().filter(|apic| *apic != own).peekable();
    if others.peek().is_some() {
        match low_page(information) {
            Some(page) => {
                // The one that boots has the kernel's lock until it switches interrupts on.
                kernel_lock::seize();
                calls::make_atomic();
                others.for_each(|apic| start_one(apic, page));
            }
            None => log!("other CPUs are left out: there is no page below 1 MiB to start them in"),
        }
    }
    log!("{} of {} CPUs run", local::count(), processors.len().max(1));
}

/// A page in which a CPU can start, with the code for that.
fn low_page(information: &Information) -> Option<u64> {
    let ends = information.memory.entries().iter().filter(|entry| entry.usable);
    let last = |start: u64, end: u64| {
        let page = (end.min(LOW_MEMORY) / PAGE).checked_sub(1)? * PAGE;
        (page >= start.max(PAGE)).then_some(page)
    };
    let page = ends.filter_map(|entry| last(entry.range.start, entry.range.end)).max()?;
    let code = &raw const others_real;
    let bytes = &raw const others_real_end as usize - code as usize;
    // SAFETY: the page is RAM below 1 MiB, which nobody uses but CPUs that start, and the direct map shows it; the labels bound one
    // piece of the kernel's constants.
    unsafe { (direct(page) as *mut u8).copy_from_nonoverlapping(code, bytes) };
    ROOT.store(kernel_map::root().address(), Ordering::Relaxed);
    Some(page)
}

fn start_one(apic: u8, page: u64) {
    let local = local::next(apic);
    let stack = local.descriptors.stack_of_nobody();
    TALK.store(SILENCE, Ordering::Relaxed);
    GIVEN.store(Box::leak(Box::new(Given { stack, local })), Ordering::Release);
    local_apic::send_init(apic);
    let never = || false;
    wait_for(INIT_NS, never);
    let is_here = || TALK.load(Ordering::Acquire) == HERE;
    let comes = PATIENCE_NS.into_iter().any(|patience_ns| {
        local_apic::send_start_up(apic, (page / PAGE) as u8);
        wait_for(patience_ns, is_here)
    });
    let took_nothing = !GIVEN.swap(null_mut(), Ordering::AcqRel).is_null();
    if !comes && took_nothing {
        log!("the CPU with the local APIC {apic} does not answer, and is left out");
        return;
    }
    while !is_here() {
        core::hint::spin_loop();
    }
    let difference = difference();
    if difference > TOLERANCE {
        log!(
            "the CPU with the local APIC {apic} is left out: its time-stamp counter differs by {difference}"
        );
        return TALK.store(FAREWELL, Ordering::Release);
    }
    if threads::install_root(local.number).is_err() {
        log!(
            "the CPU with the local APIC {apic} is left out: there is no memory or no context for it"
        );
        return TALK.store(FAREWELL, Ordering::Release);
    }
    local::add(local);
    TALK.store(WELCOME, Ordering::Release);
}

/// How far the time-stamp counter of the CPU that is being started is outside of the times in which it was asked for; the least of
/// several comparisons.
fn difference() -> u64 {
    let compare = |_| {
        let before = registers::time_stamp();
        TALK.store(COUNT, Ordering::Release);
        while TALK.load(Ordering::Acquire) == COUNT {
            core::hint::spin_loop();
        }
        let theirs = TALK.load(Ordering::Relaxed);
        let after = registers::time_stamp();
        before.saturating_sub(theirs).max(theirs.saturating_sub(after))
    };
    (0..COMPARISONS).map(compare).min().unwrap_or(0)
}

/// Waits until something is so; `false` if it is not before so long.
fn wait_for(nanoseconds: u64, mut is_so: impl FnMut() -> bool) -> bool {
    let end = clock::counts() + clock::counts_of(nanoseconds);
    while !is_so() {
        if clock::counts() >= end {
            return false;
        }
        core::hint::spin_loop();
    }
    true
}

/// What a CPU does that has been started.
extern "C" fn enter(given: &'static Given) -> ! {
    features::enable_like_the_first();
    descriptors::install(given.local);
    // SAFETY: interrupts are off, and this is the CPU to which the block belongs.
    unsafe { block::enter(&given.local.nobody, given.local, false) };
    calls::install();
    local_apic::enable();
    TALK.store(HERE, Ordering::Release);
    loop {
        match TALK.load(Ordering::Acquire) {
            COUNT => TALK.store(registers::time_stamp(), Ordering::Release),
            WELCOME => break,
            FAREWELL => interrupts::stop(),
            _ => core::hint::spin_loop(),
        }
    }
    local_apic::open_timer();
    threads::go_on_as_nobody()
}

core::arch::global_asm!(
    // Copied to the page where a CPU starts, in real mode, with cs naming the page.
    ".pushsection .rodata.others, \"a\"",
    ".code16",
    ".balign 16",
    ".globl others_real",
    "others_real:",
    "cli",
    "cld",
    ".byte 0x2e, 0x66, 0x0f, 0x01, 0x16",           // lgdt cs:[...], with 32 bits of address
    ".word others_pointer - others_real",
    "mov eax, 0x6a0",                               // PAE, PGE, OSFXSR, OSXMMEXCPT
    long_mode_entered!(),
    ".byte 0x66, 0xea",                             // far jump to the 64-bit code segment
    ".long others_long",
    ".word 8",
    "others_pointer: .word 23",
    ".long boot_descriptors",
    ".globl others_real_end",
    "others_real_end:",
    ".code64",
    ".popsection",

    // Where the boot tables show it at its own address.
    ".pushsection .boot.text, \"ax\"",
    "others_long:",
    "movabs rax, offset others_enter",
    "jmp rax",
    ".popsection",

    ".globl others_enter",
    "others_enter:",
    data_segments_loaded!(),
    "mov rax, [rip + {root}]",
    "mov cr3, rax",
    "xor edi, edi",
    "xchg rdi, [rip + {given}]",
    "test rdi, rdi",
    "jz 2f",
    "mov rsp, [rdi]",
    "xor ebp, ebp",
    "call {enter}",
    "2: hlt",
    "jmp 2b",
    root = sym ROOT,
    given = sym GIVEN,
    enter = sym enter,
);
