//! Processes that do not outlive the tool: a signal that ends the tool ends them first.
//!
//! Children in a process group of their own hear nothing of a terminal that is closed, and nobody's children hear of a
//! signal that only the tool is sent.

use std::{
    os::fd::OwnedFd,
    process::Child,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use signal_hook::{
    consts::{SIGHUP, SIGTERM},
    iterator::{Handle, Signals},
};

use crate::failure::{Outcome, While};

/// The processes, and the thread that waits for signals.
#[derive(Debug)]
pub struct Dependents {
    state: Arc<Mutex<State>>,
    signals: Handle,
    listener: thread::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    /// The signal that the tool was sent.
    signal: Option<i32>,
    /// Descriptors of processes: a number may be another process's by the time it is used.
    processes: Vec<OwnedFd>,
}

impl State {
    fn end(&mut self, signal: i32) {
        self.signal = Some(signal);
        for process in &self.processes {
            // One that has ended already needs none.
            let _ = pidfd_send_signal(process, Signal::TERM);
        }
    }
}

impl Dependents {
    /// From now on the tool lives until it has heard what became of its dependents.
    pub fn watch() -> Outcome<Self> {
        let mut signals =
            Signals::new([SIGHUP, SIGTERM]).when(|| "cannot listen to signals".into())?;
        let handle = signals.handle();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let listener = thread::spawn(move || {
            for signal in &mut signals {
                shared.lock().unwrap_or_else(PoisonError::into_inner).end(signal);
            }
        });
        Ok(Dependents { state, signals: handle, listener })
    }

    /// Adds a child, which ends at once if a signal came before it.
    pub fn add(&self, child: &Child) -> Outcome {
        let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())
            .map_err(std::io::Error::from)
            .when(|| "cannot watch over a process".into())?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.processes.push(process);
        if let Some(signal) = state.signal {
            state.end(signal);
        }
        Ok(())
    }

    /// Listens no more; the signal that the tool was sent, if there was one.
    pub fn end(self) -> Option<i32> {
        self.signals.close();
        // It cannot panic.
        let _ = self.listener.join();
        self.state.lock().unwrap_or_else(PoisonError::into_inner).signal
    }
}
