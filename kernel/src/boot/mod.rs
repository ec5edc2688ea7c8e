//! Booting, as one list.
#![expect(unsafe_code, reason = "sets up what the CPU has at hand")]

mod entry;
mod loaded;
mod others;

use warren_kernel::{
    acpi::{self, Controllers},
    command_line,
    information::{Information, multiboot2, pvh},
    multiprocessor,
};

pub use loaded::archive;

use crate::{
    calls,
    cpu::{
        block::{self, Block},
        clock, descriptors, features, interrupts, io_apic, local, local_apic,
    },
    log::{self, log},
    memory::{self, frames, kernel_map, regions},
    system, threads,
};
use loaded::BootMemory;

/// Called by the first instructions, on the boot stack, with interrupts off and the boot tables.
extern "C" fn start(kind: u64, address: u64) -> ! {
    features::enable();
    descriptors::make_gates();
    descriptors::install(&local::BOOT);
    let first_steps = Block::new(0);
    // SAFETY: interrupts are off, and the root's own block is entered before this one goes.
    unsafe { block::enter(&first_steps, &local::BOOT, false) };
    let decoded = match kind {
        entry::PVH => pvh::decode(&BootMemory, address),
        _ => multiboot2::decode(&BootMemory, address),
    };
    let information = decoded.expect("the boot loader hands over a memory map");
    log::install(command_line::value(information.command_line(), "log"));
    let pointer = information.root_pointer.or_else(|| acpi::search(&BootMemory));
    let controllers = pointer.and_then(|pointer| Controllers::read(&BootMemory, pointer));
    let mut controllers = controllers.unwrap_or_else(|| Controllers {
        processors: multiprocessor::processors(&BootMemory),
        ..Controllers::usual()
    });
    let named = command_line::value(information.command_line(), "cpus");
    if let Some(processors) = named.and_then(multiprocessor::named) {
        controllers.processors = processors;
    }
    frames::install(&information, kernel_map::image()).expect("there is room for the frames' bits");
    kernel_map::install(&information).expect("there is room for page tables");
    loaded::install(&information);
    start_devices(&controllers).expect("there is room for page tables");
    regions::install(calls::trampoline()).expect("there is room for page tables");
    threads::install(information.command_line());
    calls::install();
    describe(&information);
    others::start(&controllers, &information);
    threads::early::install(information.command_line());
    system::start(controllers, information.command_line());
    interrupts::enable();
    threads::idle()
}

fn start_devices(controllers: &Controllers) -> Result<(), memory::Exhausted> {
    local_apic::install(controllers.local_apic)?;
    io_apic::install(controllers)?;
    let frequencies = clock::start();
    log!("processor {} MHz", frequencies.time_stamp / 1_000_000);
    local_apic::open_timer();
    Ok(())
}

fn describe(information: &Information) {
    log!("command line `{}`", information.command_line());
    for entry in information.memory.entries() {
        let kind = if entry.usable { "memory" } else { "reserved" };
        log!("{kind} {:#x} to {:#x}", entry.range.start, entry.range.end);
    }
    for module in information.modules.entries() {
        log!("module at {:#x}, {} bytes", module.start, module.bytes());
    }
    log!("{} MiB free", (frames::free_count() * memory::PAGE) >> 20);
}
