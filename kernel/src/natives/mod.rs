//! Natives: objects that the kernel provides itself. Each file is one group of services.
//!
//! A native's function is an `extern "C"` function of words, like the entry of any server: the address of
//! its state, then what the signature says. Names and signatures come from the services' own traits, and
//! the engine compares them with what server files say. Natives are called with interrupts on.

mod arguments;
mod control;
mod crash;
mod devices;
mod glue;
mod launcher;
mod memory;
mod ports;
mod run;
mod time;

use alloc::collections::BTreeMap;

use warren_engine::{instance::Instance, layout::Object, native, platform::Provision};
use warren_kernel::acpi::Controllers;

pub use crash::take as take_crash;
pub use memory::release_mappings;
pub use run::{bottom, start_programs};

use crate::{guarded::Guarded, system::Kernel};

/// The natives that there is one of, by service.
struct Registry {
    instance: Option<&'static Instance>,
    objects: BTreeMap<u32, Word>,
}

/// An object's address; objects are valid for good and reached by the engine's rules only.
type Word = u64;

static REGISTRY: Guarded<Registry> =
    Guarded::new(Registry { instance: None, objects: BTreeMap::new() });

/// Makes all natives. Once.
pub fn install(controllers: Controllers) {
    let instance = native::create_instance::<Kernel>("kernel");
    REGISTRY.with(|registry| registry.instance = Some(instance));
    devices::install(controllers);
    memory::install();
    ports::install();
    time::install();
    run::install();
    control::install();
    launcher::install();
}

/// The instance that natives belong to.
pub fn instance() -> &'static Instance {
    REGISTRY.with(|registry| registry.instance).expect("natives are made at boot")
}

/// What the plan of a server asks for.
pub fn provide(what: Provision<'_>) -> Option<*mut Object> {
    match what {
        Provision::Native { service } => {
            REGISTRY.with(|registry| registry.objects.get(&service).map(|&word| word as *mut Object))
        }
        Provision::Ports { first, count } => ports::range(first, count),
        Provision::Interrupt { line } => devices::line(line),
        Provision::Named { .. } => None,
    }
}

/// Makes the one object that provides a service.
fn add(service: u32, kind: &'static warren_engine::instance::Kind) -> *mut Object {
    let object = native::create_permanent::<Kernel>(instance(), kind, 0);
    let object = object.expect("the object table is empty at boot");
    REGISTRY.with(|registry| registry.objects.insert(service, object as Word));
    object
}
