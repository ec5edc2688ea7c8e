//! Natives: objects that the kernel provides itself. Each file is one group of services.
//!
//! # Never
//!
//! Touch a caller's buffer with interrupts off: a wild one of a server placed in the kernel is then taken
//! for a fault of the kernel and not for its caller's.

mod accounts;
mod devices;
mod entropy;
mod memory;
mod ports;
mod run;
mod schedulers;
mod time;

use alloc::{string::String, vec::Vec};

use warren::{Object as Native, Serves, Service};
use warren_engine::{
    instance::Instance, layout::Object, native, platform::Provision, reference::count_up,
};
use warren_idl as idl;
use warren_kernel::{acpi::Controllers, command_line};
use warren_natives::{Books, Control, Launcher, LocalKind, Parameters, Signals, log_and_feed};

pub use memory::release_mappings;
use run::release;
pub use run::start_tasks;

use crate::{cpu::interrupts, guarded::Guarded, log, system::Kernel, threads};

/// An object's address; objects are valid for good and reached by the engine's rules only.
type Word = u64;

/// What there is one of, and the kinds of what comes and goes.
struct Registry {
    instance: &'static Instance,
    /// By the IDs of their services.
    objects: Vec<(u32, Word)>,
    /// What every thread counts as running until its first call.
    bottom: Word,
    kinds: Kinds,
}

/// Kinds of natives that come and go.
#[derive(Clone, Copy)]
struct Kinds {
    spaces: &'static LocalKind<dyn idl::DataSpace, memory::Space>,
    ports: &'static LocalKind<dyn idl::IoPorts, ports::Ports>,
    lines: &'static LocalKind<dyn idl::InterruptLine, devices::Line>,
    runs: &'static LocalKind<dyn idl::Thread, run::Run>,
    processors: &'static LocalKind<dyn idl::Processor, schedulers::Processor>,
}

static REGISTRY: Guarded<Option<Registry>> = Guarded::new(None);
static COMMAND_LINE: Guarded<String> = Guarded::new(String::new());

/// Makes all natives. Once, with interrupts off.
pub fn install(controllers: Controllers, command_line: &str) {
    COMMAND_LINE.with(|stored| *stored = command_line.into());
    let instance = native::create_instance::<Kernel>("kernel");
    let mut objects = Objects { instance, all: Vec::new() };
    objects.add::<dyn idl::Clock, _>(time::Clock);
    objects.add::<dyn idl::Timer, _>(time::Timer);
    objects.add::<dyn idl::Signals, _>(Signals::<Kernel>::new(instance));
    objects.add::<dyn idl::Entropy, _>(entropy::Generator);
    objects.add::<dyn idl::Memory, _>(memory::Source);
    objects.add::<dyn idl::PhysicalMemory, _>(memory::Devices);
    objects.add::<dyn idl::AddressSpace, _>(memory::Mapper);
    objects.add::<dyn idl::PortSpace, _>(ports::AllPorts);
    objects.add::<dyn idl::Interrupts, _>(devices::AllLines);
    objects.add::<dyn idl::InterruptCounts, _>(devices::Counts);
    objects.add::<dyn idl::Accounts, _>(Books::<Kernel>::new(instance));
    objects.add::<dyn idl::Power, _>(devices::Switch);
    objects.add::<dyn idl::Launcher, _>(Launcher::<Kernel>::new());
    let (log, feed) = log_and_feed::<Kernel>(log::read);
    objects.add::<dyn idl::Log, _>(log);
    objects.add::<dyn idl::LogFeed, _>(feed);
    objects.add::<dyn idl::Parameters, _>(Parameters::<Kernel>::new(from_command_line));
    objects.add::<dyn idl::SystemControl, _>(Control::<Kernel>::new(
        threads::name_of,
        threads::kill,
        threads::kill_all_of,
    ));
    objects.add::<dyn idl::Principals, _>(run::Payers);
    let bottom = objects.add::<dyn idl::ThreadFactory, _>(run::Factory);
    let kinds =
        Kinds { spaces: kind(), ports: kind(), lines: kind(), runs: kind(), processors: kind() };
    devices::install(controllers);
    let registry = Registry { instance, objects: objects.all, bottom, kinds };
    REGISTRY.with(|stored| *stored = Some(registry));
}

/// The parameter of that name on the command line, which is how small machines say what they have.
fn from_command_line(name: &str) -> Option<String> {
    COMMAND_LINE.with(|line| {
        let values: Vec<&str> = command_line::values(line, name).collect();
        (!values.is_empty()).then(|| values.join(" "))
    })
}

/// The natives that there is one of, by service.
struct Objects {
    instance: &'static Instance,
    all: Vec<(u32, Word)>,
}

impl Objects {
    fn add<X, T>(&mut self, state: T) -> Word
    where
        X: ?Sized + Service + Serves<T>,
        T: Native + Sync,
    {
        self.note(X::ID, warren_natives::create::<Kernel, X, T>(self.instance, state))
    }

    /// Not inlined: there would be a copy for each native.
    #[inline(never)]
    fn note(&mut self, service: u32, object: Option<*mut Object>) -> Word {
        let object = object.expect("the object table is empty at boot") as Word;
        self.all.push((service, object));
        object
    }
}

/// A kind of natives, for good.
fn kind<X, T>() -> &'static LocalKind<X, T>
where
    X: ?Sized + Service + Serves<T>,
    T: Native + Sync,
{
    alloc::boxed::Box::leak(alloc::boxed::Box::new(LocalKind::new::<Kernel>()))
}

fn registry<R>(work: impl FnOnce(&Registry) -> R) -> R {
    REGISTRY.with(|registry| work(registry.as_ref().expect("natives are made at boot")))
}

/// The instance that natives belong to.
pub fn instance() -> &'static Instance {
    registry(|registry| registry.instance)
}

/// The object at the bottom of every thread.
pub fn bottom() -> *mut Object {
    registry(|registry| registry.bottom) as *mut Object
}

fn kinds() -> Kinds {
    registry(|registry| registry.kinds)
}

/// A new native that comes and goes, as the result of the native function that runs.
fn answer<'f, X, T>(
    kind: &LocalKind<X, T>,
    state: T,
) -> Result<warren::Ref<'f, X>, warren::SystemError>
where
    X: ?Sized + Service + Serves<T>,
    T: Native + Sync,
{
    warren_natives::create_local::<Kernel, X, T>(instance(), kind, state)
}

/// What the plan of a server asks for.
pub fn provide(what: Provision<'_>) -> Option<*mut Object> {
    interrupts::off(|| {
        let object = match what {
            Provision::Native { service } => {
                let known = registry(|registry| {
                    registry.objects.iter().find(|(id, _)| *id == service).copied()
                });
                known?.1 as *mut Object
            }
            Provision::Ports { first, count } => {
                let ports = ports::Ports::new(first, count)?;
                warren_natives::create_object::<Kernel, _, _>(instance(), kinds().ports, ports)?
            }
            Provision::Interrupt { line } => {
                let line = devices::Line::find(line)?;
                warren_natives::create_object::<Kernel, _, _>(instance(), kinds().lines, line)?
            }
            Provision::Named { .. } => return None,
        };
        count_up(object);
        Some(object)
    })
}
