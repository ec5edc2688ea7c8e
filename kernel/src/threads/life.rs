//! Beginning and end of threads.
#![expect(unsafe_code, reason = "prepares stacks and frames")]

use alloc::{boxed::Box, string::String};
use core::{ptr::null_mut, sync::atomic::Ordering::Relaxed};

use warren_engine::layout::{Frame, Object};

use super::{
    IDLE, Token,
    area::Area,
    record::{Registers, State, Thread},
    scheduler::{SCHEDULER, pass_on},
    switch, yield_now,
};
use crate::{
    cpu::{self, block},
    memory::{Exhausted, kernel_map},
};

/// Makes the code that boots the idle thread.
pub fn install() {
    let root = kernel_map::root().address();
    let registers = Registers {
        frame: null_mut(),
        temporary: null_mut(),
        owner: null_mut(),
        idle: IDLE,
        kernel_stack: 0,
        page_tables: root,
    };
    let idle = Thread::new(String::from("idle"), registers, None, None);
    SCHEDULER.with(|scheduler| {
        scheduler.add(idle);
        scheduler.current = &raw mut *scheduler.threads[0];
    });
    // SAFETY: the block is this CPU's, and no thread runs yet.
    let cpu = unsafe { &mut *block::engine() };
    cpu.thread = IDLE;
    cpu.idle.store(IDLE, Relaxed);
    cpu.idle_lock = &raw const cpu.idle;
}

/// Starts a thread that does `work`. `bottom` is what it counts as running until its first call.
pub fn start(
    name: &str,
    bottom: *mut Object,
    work: impl FnOnce() + Send + 'static,
) -> Result<Token, Exhausted> {
    let area = Area::new()?;
    let frames = area.frames();
    let registers = Registers {
        frame: frames.wrapping_add(1),
        temporary: area.temporaries(),
        owner: null_mut(),
        idle: 0,
        kernel_stack: area.stack_top(),
        page_tables: kernel_map::root().address(),
    };
    let top = area.stack_top();
    let mut thread = Thread::new(name.into(), registers, Some(area), Some(Box::new(work)));
    let bottom = Frame {
        return_address: 0,
        stack: top,
        saved: [0; 6],
        resume: 0,
        // SAFETY: the block is this CPU's.
        lock: unsafe { (*block::engine()).idle_lock },
        object: bottom,
        platform: [0; 5],
    };
    // SAFETY: the frames were mapped just now, for this thread alone.
    unsafe { frames.write(bottom) };
    // SAFETY: so was the stack.
    thread.stack = unsafe { switch::prepare(top, first_steps) };
    Ok(SCHEDULER.with(|scheduler| {
        let token = scheduler.add(thread);
        let thread = scheduler.find(token).expect("it was added just now");
        thread.registers.idle = token;
        scheduler.queue.push_back(token);
        token
    }))
}

/// What a thread does first and last.
extern "C" fn first_steps() -> ! {
    let work = SCHEDULER.with(|scheduler| scheduler.running().work.take());
    cpu::interrupts::enable();
    if let Some(work) = work {
        work();
    }
    cpu::interrupts::disable();
    let stacks = SCHEDULER.with(|scheduler| {
        let thread = scheduler.running();
        thread.state = State::Ended;
        core::mem::take(&mut thread.user_stacks)
    });
    stacks.free();
    pass_on();
    unreachable!("an ended thread is never switched to")
}

/// What the idle thread does.
pub fn idle() -> ! {
    loop {
        cpu::interrupts::disable();
        if SCHEDULER.with(|scheduler| scheduler.queue.is_empty()) {
            cpu::interrupts::wait();
        }
        yield_now();
    }
}
