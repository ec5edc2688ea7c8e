//! Natives: objects that a platform provides itself, and those of them that need no machine.
//!
//! A native is a struct that implements a service's trait like a server's state does; it is entered
//! through the same entries, so that names, signatures and checks are the interface's own. It lives in
//! an instance that shares the engine's space, has no lock and never dies, so it is shared by all threads.
//!
//! | module | what |
//! | --- | --- |
//! | [`kind`] | from a struct to a kind of native and its objects |
//! | [`accounts`] | `Accounts`, `Sampling` |
//! | [`attendance`] | bringing servers back whose pause is over |
//! | [`profile`] | how often threads were found in servers |
//! | [`control`] | `SystemControl` |
//! | [`launcher`] | `Launcher` |
//! | [`parameters`] | `Parameters` |
//! | [`log`] | `Log`, `LogFeed` |
//! | [`journal`] | the newest lines of the log |
//! | [`thread`] | names of threads |
//! | [`signals`] | `Signals`, `Signal`, `Raiser` |
//! | [`waiters`] | threads that wait for something that a native keeps |
//!
//! # Never
//!
//! Touches a caller's buffer inside `critical`: a wild one is then the caller's fault and not the platform's.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod accounts;
pub mod attendance;
pub mod control;
pub mod journal;
pub mod kind;
pub mod launcher;
pub mod log;
pub mod parameters;
pub mod profile;
pub mod signals;
pub mod thread;
pub mod waiters;

pub use accounts::Books;
pub use attendance::attend;
pub use control::Control;
pub use journal::Journal;
pub use kind::{LocalKind, Root, caller, create, create_local, create_object, reference};
pub use launcher::Launcher;
pub use log::log_and_feed;
pub use parameters::Parameters;
pub use signals::Signals;
pub use thread::thread_name;
pub use waiters::{Waiters, Waiting};
