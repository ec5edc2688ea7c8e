//! Launching: from a server of the plan to an instance that answers calls.
//!
//! A server is launched when it is first asked for, after everything that it requires. The plan has no
//! cycle, so this ends. If a device is absent or a file is refused, the server that the plan names in its
//! place is launched instead.
//!
//! # Coming back
//!
//! A server that died and whose plan says `restart` is launched again by [`revive`], and its
//! new objects take the place of the old ones in the tables of requirements of whoever was connected to
//! it. References that somebody kept stay lost: the old server's promises died with it. If there is no room for it, or what it needs
//! is not there, it is tried again later, as often as it may die.
//!
//! # One after the other
//!
//! An instance to which nobody refers any more is destructed before its server is launched again: a driver that starts its device must not have it stopped by
//! the instance before. So a launch waits for other threads that launch or destruct what it needs. They never wait for each other in a circle: the plan has none, whoever
//! destructs something does not wait, and whoever launches or destructs something brings back nobody meanwhile.
#![expect(unsafe_code, reason = "objects are the engine's raw memory")]

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::{cell::Cell, fmt, sync::atomic::AtomicU64};

use warren_abi::{
    call::{OWN_REASON, Ret, SystemError},
    system::HEAP_CONTROL_BYTES,
};

use crate::{
    deadline, death,
    file::{self, Image, Mismatch, Refusal, Segment, ServerFile, Service},
    import::Imports,
    instance::{Function, Instance, Kind, Life, Outgoing},
    layout::{Line, LockWord, OBJECTS, Object},
    plan::{Binding, Plan, PlannedServer},
    platform::{Exhausted, Level, Platform, Provision},
    record::{self, Held},
    reference::{count_down, count_up, counted_root, hold, tables},
    restart::Deaths,
    sha256::sha256,
    space::{
        HEAP_OFFSET, INSTANCE_BYTES, MAPPING_OFFSET, PAGE, Placement, Protection, STATE_OFFSET,
    },
    stub::{self, Shape},
};

/// What a launch needs of the platform's heap, in pieces as large as the file: its segments, and once more
/// relocated, and twice as much for its relocations, whose entries are larger here than in the file.
const FILE_PIECES: usize = 4;
/// Heap of a server for which the plan sets no limit.
const HEAP_BYTES: u64 = 64 << 20;
/// Time that a call may compute without calling or returning, where the plan sets none.
const WATCHDOG_MS: u32 = 2000;
/// ID of the service by which devices are found, and the name of its function.
const DEVICE_BUS: (u32, &str) = (0x0c1b_0001, "find");

/// Why a server was not launched.
#[derive(Debug)]
pub enum LaunchFault {
    /// The boot archive has no such file.
    NoFile,
    /// The file was refused.
    BadFile(Refusal),
    /// The file and another one disagree about a service.
    Disagreement(Mismatch),
    /// The file has another number of requirements than the plan: it was built after the plan.
    StalePlan,
    /// A requirement cannot be had.
    Unresolved {
        /// Its field.
        field: String,
        /// Why.
        why: String,
    },
    /// A device is not there.
    NoDevice {
        /// The requirement's field.
        field: String,
        /// Why.
        why: String,
    },
    /// Memory, domains or objects have run out.
    Exhausted,
    /// The constructor or the `start` hook failed.
    Failed {
        /// With this number.
        error: u64,
        /// With this text; may be empty.
        reason: String,
    },
    /// It died while it was launched.
    Died,
    /// It is being launched or destructed by whoever asks for it, or would have to wait for that.
    Busy,
}

impl fmt::Display for LaunchFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LaunchFault::NoFile => write!(out, "the boot archive has no such file"),
            LaunchFault::BadFile(error) => write!(out, "the file was refused: {error}"),
            LaunchFault::Disagreement(mismatch) => {
                write!(out, "two files mean different things by one service: {mismatch}")
            }
            LaunchFault::StalePlan => {
                write!(out, "the plan was made for another version of the file: build again")
            }
            LaunchFault::Unresolved { field, why } | LaunchFault::NoDevice { field, why } => {
                write!(out, "requirement `{field}`: {why}")
            }
            LaunchFault::Exhausted => write!(out, "memory or objects have run out"),
            LaunchFault::Failed { reason, .. } if !reason.is_empty() => out.write_str(reason),
            LaunchFault::Failed { error: OWN_REASON, .. } => write!(out, "its constructor gave up"),
            LaunchFault::Failed { error, .. } => match SystemError::from_number(*error) {
                Some(error) => write!(out, "its constructor failed: {}", error.message()),
                None => write!(out, "its constructor failed with error {error}"),
            },
            LaunchFault::Died => write!(out, "it died while it started"),
            LaunchFault::Busy => write!(out, "whoever asks for it is starting or ending a server"),
        }
    }
}

/// The instance of a server of the plan, launched now if it does not run. Outside of `critical`.
pub fn launch<P: Platform>(planned: usize) -> Result<Held<P>, LaunchFault> {
    loop {
        let own = death::running_thread::<P>();
        let busy = P::critical(|| {
            // SAFETY: inside `critical`.
            let system = unsafe { tables::<P>() };
            if let Some(instance) = system.running[planned] {
                return Ok(Some(Held::new(instance)));
            }
            let (launching, closing) = (system.launching[planned], system.closing[planned]);
            if launching.or(closing).is_some() {
                let may_wait = launching != Some(own) && !system.closing.contains(&Some(own));
                return Err(may_wait);
            }
            system.launching[planned] = Some(own);
            Ok(None)
        });
        match busy {
            Ok(Some(instance)) => return Ok(instance),
            Ok(None) => break,
            Err(true) => P::yield_now(),
            Err(false) => return Err(LaunchFault::Busy),
        }
    }
    let result = launch_now::<P>(planned);
    P::critical(|| {
        // SAFETY: inside `critical`.
        let system = unsafe { tables::<P>() };
        system.launching[planned] = None;
        // It may have died already, or somebody had it and has given it up.
        if let Ok(instance) = &result
            && instance.life.get() == Life::Alive
        {
            system.running[planned] = system.find(instance);
        }
    });
    result
}

/// Launches a server or the one in its place.
fn launch_now<P: Platform>(planned: usize) -> Result<Held<P>, LaunchFault> {
    record::free_unused::<P>();
    let server = plan_of::<P>(planned);
    let result = instantiate::<P>(planned, server);
    if let Err(fault) = &result {
        // That there is another device is usual.
        let (level, what) = match (fault, server.otherwise) {
            (LaunchFault::NoDevice { .. }, Some(_)) => (Level::Info, "left out"),
            _ => (Level::Error, "not started"),
        };
        P::critical(|| P::log(level, &server.name, format_args!("{what}: {fault}")));
        if let Some(other) = server.otherwise {
            return launch::<P>(other);
        }
    }
    result
}

/// What the plan says of a server.
fn plan_of<P: Platform>(planned: usize) -> &'static PlannedServer {
    &plan::<P>().servers[planned]
}

/// The plan. Outside of `critical` or inside.
fn plan<P: Platform>() -> &'static Plan {
    // SAFETY: inside `critical`.
    P::critical(|| unsafe { tables::<P>() }.plan)
}

/// Makes an instance and starts it.
fn instantiate<P: Platform>(
    planned: usize,
    server: &PlannedServer,
) -> Result<Held<P>, LaunchFault> {
    let bytes = file_of::<P>(&server.file).ok_or(LaunchFault::NoFile)?;
    if !P::critical(|| P::has_room(bytes.len(), FILE_PIECES)) {
        return Err(LaunchFault::Exhausted);
    }
    let file = ServerFile::parse(bytes).map_err(LaunchFault::BadFile)?;
    if file.description().requirements.len() != server.bindings.len() {
        return Err(LaunchFault::StalePlan);
    }
    // SAFETY: inside `critical`.
    P::critical(|| unsafe { tables::<P>() }.agree(&file)).map_err(LaunchFault::Disagreement)?;
    let instance = P::critical(|| place::<P>(planned, server, &file))?;
    let log = |line: fmt::Arguments<'_>| P::critical(|| P::log(Level::Info, &instance.name, line));
    log(format_args!("loaded at {:#x}", instance.base));
    // What it makes while it starts is its own, whoever needs it first.
    match P::on_account(server.principal, || bring_up::<P>(&instance, server, &file)) {
        Ok(()) => {
            log(format_args!("started"));
            Ok(instance)
        }
        Err(fault) => {
            P::critical(|| death::discard::<P>(&instance));
            death::finish::<P>();
            death::bury::<P>();
            Err(fault)
        }
    }
}

/// Connects requirements, constructs and starts. Outside of `critical`.
fn bring_up<P: Platform>(
    instance: &Instance,
    server: &PlannedServer,
    file: &ServerFile,
) -> Result<(), LaunchFault> {
    for (slot, binding) in server.bindings.iter().enumerate() {
        let requirement = &file.description().requirements[slot];
        let connected = connect::<P>(instance, slot, binding);
        if !(requirement.optional && connected.is_err()) {
            let field = &requirement.field;
            connected.map_err(|why| match binding {
                Binding::Device { .. } => LaunchFault::NoDevice { field: field.clone(), why },
                _ => LaunchFault::Unresolved { field: field.clone(), why },
            })?;
        }
    }
    let construct = |index: fn(&Kind) -> usize| {
        let result = death::call_root::<P>(instance, index);
        match instance.life.get() {
            _ if result.error == 0 => Ok(()),
            Life::Dead | Life::Buried => Err(LaunchFault::Died),
            _ => {
                let reason = reason_of::<P>(instance, result);
                Err(LaunchFault::Failed { error: result.error, reason })
            }
        }
    };
    construct(Kind::construct)?;
    instance.life.set(Life::Alive);
    if instance.kinds[0].targets[instance.kinds[0].start()] != 0 {
        construct(Kind::start)?;
    }
    Ok(())
}

/// The text with which a constructor or a `start` hook failed, as much as is shown; empty if the answer names
/// none in the instance's own memory. Outside of `critical`.
fn reason_of<P: Platform>(instance: &Instance, answer: Ret) -> String {
    let (address, bytes) = answer.reason();
    let mut text = [0; death::MESSAGE_BYTES];
    let text = &mut text[..death::MESSAGE_BYTES.min(bytes as usize)];
    let region = instance.base..instance.base + INSTANCE_BYTES;
    let inside = region.contains(&address) && region.contains(&(address + text.len() as u64));
    if !inside || !P::critical(|| P::read(address, text)) {
        return String::new();
    }
    text.utf8_chunks().next().map_or("", |chunk| chunk.valid()).into()
}

/// Connects one requirement. Outside of `critical`.
fn connect<P: Platform>(instance: &Instance, slot: usize, binding: &Binding) -> Result<(), String> {
    let provided = |what| {
        P::critical(|| P::provide(what)).ok_or_else(|| String::from("this machine has none"))
    };
    let object = match binding {
        Binding::Absent => return Ok(()),
        Binding::Server { server, service } => root_of::<P>(*server, *service)?,
        Binding::Native { service } => provided(Provision::Native { service: *service })?,
        Binding::Ports { first, count } => {
            provided(Provision::Ports { first: *first, count: *count })?
        }
        Binding::Interrupt { line } => provided(Provision::Interrupt { line: *line })?,
        Binding::HostedNative { name } => provided(Provision::Named { name })?,
        Binding::Device { bus, ids, nth } => find_device::<P>(*bus, ids, *nth)?,
    };
    let connected = P::critical(|| {
        hold::<P>(instance, object).map_err(|error| error.message())?;
        let address = instance.required() + slot as u64 * 8;
        P::write(address, &(object as u64).to_le_bytes());
        Ok(())
    });
    give_back::<P>(object);
    connected
}

/// Gives the count back that came with an object. Outside of `critical`.
fn give_back<P: Platform>(object: *mut Object) {
    if P::critical(|| count_down::<P>(object)) {
        death::finish::<P>();
    }
}

/// The root object by which a server provides a service, with a count for the caller; launches it.
fn root_of<P: Platform>(server: usize, service: u32) -> Result<*mut Object, String> {
    loop {
        let instance = launch::<P>(server)
            .map_err(|fault| format!("server `{}`: {fault}", plan_of::<P>(server).name))?;
        if instance.root_kind(service).is_none() {
            return Err(format!("server `{}` does not provide the service", instance.name));
        }
        if let Some(root) = P::critical(|| counted_root(&instance, service)) {
            return Ok(root);
        }
        // Whoever had the last reference to it may just have given that up: then there will be another one.
        if instance.failed.get() {
            return Err(format!("server `{}` died", instance.name));
        }
    }
}

/// Asks a bus for a device, which comes with a count for the caller.
fn find_device<P: Platform>(
    bus: usize,
    ids: &[(u16, u16)],
    nth: u32,
) -> Result<*mut Object, String> {
    let object = root_of::<P>(bus, DEVICE_BUS.0)?;
    let device = ask_for_device(object, ids, nth);
    // Before the bus goes, and its devices with it.
    if let Ok(device) = device {
        P::critical(|| count_up(device));
    }
    give_back::<P>(object);
    device
}

/// Calls a bus until it knows one of these devices, whose reference is a temporary one then.
fn ask_for_device(
    object: *mut Object,
    ids: &[(u16, u16)],
    nth: u32,
) -> Result<*mut Object, String> {
    // SAFETY: objects are valid for good.
    let kind = unsafe { (*object).kind };
    // SAFETY: a kind is valid as long as an object of it is held.
    let kind = unsafe { &*kind };
    let index = kind.functions.iter().position(|function| function.name == DEVICE_BUS.1);
    let index = index.ok_or("the bus has no function `find`")?;
    let shape = Shape { reference: true, ..Shape::default() };
    let mut why = String::from("no such device is plugged in");
    for (vendor, device) in ids {
        let mut words = stub::Words::default();
        words[..3].copy_from_slice(&[u64::from(*vendor), u64::from(*device), u64::from(nth)]);
        // SAFETY: `find` takes three values; the bus is held by the caller.
        let found = unsafe { stub::invoke(object, index, &words, shape) };
        if found.error == 0 {
            return Ok(found.value as *mut Object);
        }
        if let Some(error) = SystemError::from_number(found.error) {
            why = format!("the bus failed: {error}");
        }
    }
    Err(why)
}

/// Makes the record, the region and the objects of an instance. Inside `critical`.
fn place<P: Platform>(
    planned: usize,
    server: &PlannedServer,
    file: &ServerFile,
) -> Result<Held<P>, LaunchFault> {
    let base = P::create_region(&server.placement, server.principal)
        .map_err(|_| LaunchFault::Exhausted)?;
    let isolated = server.placement != Placement::Kernel;
    let imports = Imports::new::<P>(file, base, !isolated);
    let image = file.image(base, |import| imports.address(import));
    if map_all::<P>(base, file, &image, &imports).is_err() {
        P::remove_region(base);
        return Err(LaunchFault::Exhausted);
    }
    let kinds = kinds::<P>(file, &image, !isolated);
    // SAFETY: inside `critical`.
    let deaths = unsafe { tables::<P>() }.deaths[planned].total();
    // SAFETY: inside `critical`.
    let instance = unsafe { tables::<P>() }.add(Instance {
        lock: Line(LockWord::new(0)),
        planned: Some(planned),
        name: server.name.clone(),
        file: server.file.clone(),
        hash: Cell::default(),
        placement: server.placement.clone(),
        isolated,
        base,
        stubs: imports.range(),
        concurrent: file.description().concurrent,
        counts_output: file.description().counts_output,
        stack_bytes: file.description().stack_bytes,
        kinds,
        calls: file.calls().iter().map(Outgoing::from).collect(),
        roots: Cell::default(),
        life: Cell::new(Life::Embryo),
        objects: Cell::new(0),
        principal: server.principal,
        references: Cell::default(),
        counts: Cell::new(alloc::vec![0; OBJECTS]),
        weak: Cell::default(),
        heap_end: Cell::new(base + HEAP_OFFSET + HEAP_CONTROL_BYTES as u64),
        heap_limit: match server.limits.memory_bytes {
            0 => HEAP_BYTES,
            bytes => bytes,
        },
        mapping_end: Cell::new(base + MAPPING_OFFSET),
        memory_bytes: Cell::new(file.image_bytes() + imports.bytes() + state_bytes(file)),
        watchdog_ms: match server.limits.watchdog_ms {
            0 => WATCHDOG_MS,
            time => time,
        },
        fault: Cell::default(),
        platform: AtomicU64::default(),
        restarts: deaths,
        failed: Cell::default(),
        superseded: Cell::default(),
        entries: Cell::default(),
        holders: Cell::default(),
        fault_entries: Cell::default(),
    });
    match create_roots::<P>(instance, file) {
        Ok(()) => Ok(Held::new(instance)),
        Err(fault) => {
            death::discard::<P>(instance);
            Err(fault)
        }
    }
}

/// Maps image, stubs, table of requirements, state and the start of the heap. Inside `critical`.
fn map_all<P: Platform>(
    base: u64,
    file: &ServerFile,
    image: &Image,
    imports: &Imports,
) -> Result<(), Exhausted> {
    for segment in &image.segments {
        let Segment { offset, memory_bytes, protection, .. } = *segment;
        P::map(base + offset, memory_bytes, &segment.bytes, protection)?;
    }
    P::map(imports.range().start, imports.bytes(), imports.code(), Protection::ReadExecute)?;
    P::map(base + STATE_OFFSET - PAGE, PAGE, &[], Protection::Read)?;
    P::map(base + STATE_OFFSET, state_bytes(file), &[], Protection::ReadWrite)?;
    P::map(base + HEAP_OFFSET, HEAP_CONTROL_BYTES as u64, &[], Protection::ReadWrite)
}

/// Pages that a root state takes.
fn state_bytes(file: &ServerFile) -> u64 {
    u64::from(file.description().state_bytes.max(1)).next_multiple_of(PAGE)
}

/// The kinds of a file's objects, with what a caller in the engine's space calls.
fn kinds<P: Platform>(file: &ServerFile, image: &Image, shares_space: bool) -> Vec<Kind> {
    let descriptor = &image.descriptor;
    let roots = file.description().provides.len();
    let services = file.description().kinds();
    let kind = |(index, (service, entered)): (usize, (&Service, &file::Kind))| {
        let mut targets = entered.entries.clone();
        if index == 0 {
            targets.push(descriptor.construct);
            targets.push(descriptor.start.unwrap_or(0));
            targets.push(descriptor.destruct);
        }
        targets.extend(entered.drop);
        let entry = |(index, target): (usize, &u64)| match shares_space {
            true => *target as usize,
            false => P::gate(index),
        };
        let entries: Box<[usize]> = targets.iter().enumerate().map(entry).collect();
        Kind {
            service: service.id,
            name: service.name.clone(),
            atomic: service.atomic,
            local: index >= roots,
            functions: service.functions.iter().map(Function::from).collect(),
            closing: death::closing_entries::<P>(&entries, service.functions.len()),
            entries,
            targets: targets.into(),
            platform: AtomicU64::default(),
        }
    };
    services.zip(&descriptor.kinds).enumerate().map(kind).collect()
}

/// Makes the root objects of an instance. Inside `critical`.
fn create_roots<P: Platform>(instance: &Instance, file: &ServerFile) -> Result<(), LaunchFault> {
    let mut roots = Vec::new();
    for kind in &instance.kinds[..file.description().provides.len()] {
        // SAFETY: inside `critical`.
        let root =
            unsafe { tables::<P>() }.create(instance, kind, instance.state(), instance.principal);
        roots.push(root.ok_or(LaunchFault::Exhausted)?);
    }
    instance.roots.set(roots);
    Ok(())
}

/// What identifies the contents of an instance's file in lists for people. It is computed when it is first asked for,
/// because a launch need not wait for that. Outside of `critical`.
pub fn first_bytes_of_hash<P: Platform>(instance: &Instance) -> u64 {
    let known = P::critical(|| instance.hash.get());
    if known != 0 {
        return known;
    }
    let hash = sha256(file_of::<P>(&instance.file).unwrap_or_default());
    let hash = u64::from_be_bytes(*hash.first_chunk().expect("a SHA-256 has 32 bytes"));
    P::critical(|| instance.hash.set(hash));
    hash
}

/// A server file of the boot archive.
fn file_of<P: Platform>(name: &str) -> Option<&'static [u8]> {
    P::critical(|| P::file(&format!("servers/{name}")))
}

/// Launches again what died and is to come back by now, and connects it to whoever was connected before. A thread that is launching or destructing a server
/// leaves that to the platform's: what comes back may need that very server.
/// Outside of `critical`, holding no server's lock.
pub fn revive<P: Platform>() {
    let own = death::running_thread::<P>();
    // SAFETY: inside `critical`.
    if P::critical(|| unsafe { tables::<P>() }.is_changed_by(own)) {
        return P::critical(death::wake_attendant::<P>);
    }
    // SAFETY: inside `critical`.
    while let Some(planned) = P::critical(|| unsafe { tables::<P>() }.take_return(P::now_ns())) {
        deadline::regardless::<P>(|| match launch::<P>(planned) {
            Ok(_) => reconnect::<P>(planned),
            // What it needs may have died while it started, and be back by now; or it has died again.
            Err(LaunchFault::Failed { .. } | LaunchFault::Died) => {
                P::critical(|| death::schedule_again::<P>(planned, Deaths::note));
            }
            // There may be room later, and what it needs may be there then.
            Err(
                LaunchFault::Exhausted
                | LaunchFault::Unresolved { .. }
                | LaunchFault::NoDevice { .. }
                | LaunchFault::Busy,
            ) => P::critical(|| death::schedule_again::<P>(planned, Deaths::note_want)),
            // Plan and files stay as they are.
            Err(
                LaunchFault::NoFile
                | LaunchFault::BadFile(_)
                | LaunchFault::Disagreement(_)
                | LaunchFault::StalePlan,
            ) => (),
        });
    }
}

/// Puts the new objects of a server into the tables of those who are connected to it.
///
/// They keep their count of the dead object until they end: an activation under way may still use its
/// word, which must answer `Lost` and not name an object that took the dead one's entry.
fn reconnect<P: Platform>(planned: usize) {
    let asked_for = asked_for(&plan::<P>().servers, planned);
    for (index, client) in plan::<P>().servers.iter().enumerate() {
        let Some(instance) = P::critical(|| living::<P>(index)) else { continue };
        for (slot, binding) in client.bindings.iter().enumerate() {
            if !matches!(binding, Binding::Server { server, .. } if asked_for.contains(server)) {
                continue;
            }
            if let Err(why) = connect::<P>(&instance, slot, binding) {
                let line = format_args!("not reconnected: {why}");
                P::critical(|| P::log(Level::Warning, &instance.name, line));
            }
        }
    }
}

/// The servers that may be asked for where this one runs: itself, and those in whose place it stands.
fn asked_for(servers: &[PlannedServer], planned: usize) -> Vec<usize> {
    let leads_here = |server: &usize| {
        let chain = core::iter::successors(Some(*server), |server| servers[*server].otherwise);
        chain.take(servers.len()).any(|server| server == planned)
    };
    (0..servers.len()).filter(leads_here).collect()
}

/// The living instance of a server of the plan, also while its `start` hook still runs. Inside `critical`.
fn living<P: Platform>(planned: usize) -> Option<Held<P>> {
    // SAFETY: inside `critical`.
    let mut instances = unsafe { tables::<P>() }.instances();
    let is_it = |it: &&Instance| it.planned == Some(planned) && it.life.get() == Life::Alive;
    instances.find(is_it).map(Held::new)
}
