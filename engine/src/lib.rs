//! The meaning of Warren's model, without a machine.
//!
//! | module | what |
//! | --- | --- |
//! | [`file`], [`plan`], [`space`] | what a server file and a boot plan say; where things lie: no machine needed |
//! | [`layout`], [`stub`] | structures and code that callers run through |
//! | [`system`], [`instance`], [`record`], [`native`] | the tables: objects, servers at work and how long they are known, what the platform provides |
//! | [`reference`], [`lock`], [`death`] | what happens to references, locks, and the dead |
//! | [`ledger`], [`holdings`] | who holds how much, within limits; objects and references |
//! | [`arguments`] | what of a call is memory, and where copies of it lie |
//! | [`sha256`] | what names the contents of a file |
//! | [`part`] | marks for the bench |
//! | [`platform`], [`thread`] | what the engine asks of the machine |
#![no_std]
extern crate alloc;

pub mod arguments;
pub mod deadline;
pub mod death;
pub mod file;
pub mod holdings;
pub mod import;
pub mod injection;
pub mod inspect;
pub mod instance;
pub mod launch;
pub mod layout;
pub mod ledger;
pub mod lock;
pub mod native;
pub mod part;
pub mod plan;
pub mod platform;
pub mod record;
pub mod reference;
pub mod restart;
pub mod sha256;
pub mod space;
pub mod stub;
pub mod system;
pub mod thread;
