//! A person's terminal, raw while a system runs.
//!
//! # Every way out restores it
//!
//! The old settings come back when the guard goes. Where it does not go, at a panic, a hook does it;
//! signals that end the tool become events of the session, which ends as usual.

use std::{io::stdin, sync::Mutex};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use crate::failure::{Failure, Outcome, While};

/// Settings to restore, while the terminal is raw.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// While this lives the terminal hands on each key as it is pressed.
#[derive(Debug)]
pub struct RawTerminal(());

impl RawTerminal {
    /// Makes the terminal on standard input raw.
    pub fn enter() -> Outcome<Self> {
        let terminal = stdin();
        let foreground = tcgetpgrp(&terminal).ok();
        if foreground.is_some_and(|group| group != rustix::process::getpgrp()) {
            return Err(Failure::new("the terminal is busy with another job")
                .remedy("bring this one to the foreground with `fg`"));
        }
        let when = || "cannot control the terminal".to_owned();
        let saved = tcgetattr(&terminal).map_err(std::io::Error::from).when(when)?;
        let mut raw = saved.clone();
        raw.make_raw();
        store(Some(saved));
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            hook(panic);
        }));
        tcsetattr(&terminal, OptionalActions::Now, &raw)
            .map_err(std::io::Error::from)
            .when(when)?;
        Ok(RawTerminal(()))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        restore();
    }
}

fn store(settings: Option<Termios>) -> Option<Termios> {
    std::mem::replace(&mut *SAVED.lock().unwrap_or_else(|broken| broken.into_inner()), settings)
}

fn restore() {
    if let Some(saved) = store(None) {
        // There is nobody to tell if the terminal is gone.
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &saved);
    }
}
