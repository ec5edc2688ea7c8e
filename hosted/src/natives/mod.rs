//! Natives: objects that the hosted platform provides itself.
//!
//! # Never
//!
//! Touch a caller's buffer inside a critical section: a wild one is then taken for a bug of the platform
//! and not for its caller's.

mod console;
mod disk;
mod entropy;
mod memory;
mod power;
mod run;
mod tap;
mod time;

use std::{fs::File, sync::Arc};

use warren::{Object as Native, Serves, Service};
use warren_idl as idl;
use warren_natives::{Books, Control, Launcher, LocalKind, Parameters, Signals, log_and_feed};

use crate::{Hosted, critical, log, machine, schedule};

pub use power::end;
pub use run::run_tasks;
pub use tap::Device as TapDevice;

/// What the person who starts the process gives the system.
#[derive(Default)]
pub struct Devices {
    /// The image that is the disk.
    pub disk: Option<File>,
    /// The network device.
    pub tap: Option<TapDevice>,
}

/// Makes all natives. Once, by the first thread.
pub fn install(devices: Devices) {
    critical::run(|| {
        let spaces: &'static memory::Spaces = Box::leak(Box::new(LocalKind::new::<Hosted>()));
        provide::<dyn idl::Memory, _>(memory::Source::new(spaces));
        provide::<dyn idl::AddressSpace, _>(memory::Mapper::new(spaces));
        provide::<dyn idl::Clock, _>(time::Clock);
        provide::<dyn idl::Timer, _>(time::Timer);
        provide::<dyn idl::Entropy, _>(entropy::Generator);
        provide::<dyn idl::Wire, _>(tap::Tap::new(devices.tap));
        provide::<dyn idl::ThreadFactory, _>(run::Factory::new());
        provide::<dyn idl::Principals, _>(run::Payers::new());
        provide::<dyn idl::Signals, _>(Signals::<Hosted>::new(machine::natives()));
        provide::<dyn idl::Accounts, _>(Books::<Hosted>::new(machine::natives()));
        provide::<dyn idl::Power, _>(power::Switch);
        provide::<dyn idl::Launcher, _>(Launcher::<Hosted>::new());
        provide::<dyn idl::SystemControl, _>(Control::<Hosted>::new(
            schedule::name_of_thread,
            schedule::kill,
            schedule::kill_all_of,
        ));
        let (log, feed) = log_and_feed::<Hosted>(log::read);
        provide::<dyn idl::Log, _>(log);
        provide::<dyn idl::LogFeed, _>(feed);
        provide::<dyn idl::Parameters, _>(Parameters::<Hosted>::new(|_| None));
        provide_named::<dyn idl::Console, _>("console", console::Standard::open());
        if let Some(file) = devices.disk {
            provide_named::<dyn idl::BlockDevice, _>("disk-image", disk::Image::new(file));
        }
    });
}

/// Makes the one object that provides a service. Inside a critical section.
fn provide<X, T>(state: T)
where
    X: ?Sized + Service + Serves<T>,
    T: Native + Sync,
{
    let object = warren_natives::create::<Hosted, X, T>(machine::natives(), state);
    let object = object.expect("the object table is empty at boot");
    machine::with(|machine| machine.provided.insert(X::ID, object));
}

/// Makes an object that plans call by name. Inside a critical section.
fn provide_named<X, T>(name: &'static str, state: T)
where
    X: ?Sized + Service + Serves<T>,
    T: Native + Sync,
{
    let object = warren_natives::create::<Hosted, X, T>(machine::natives(), state);
    let object = object.expect("the object table is empty at boot");
    machine::with(|machine| machine.named.insert(name, object));
}

/// A state that several natives share.
type Shared<T> = Arc<T>;
