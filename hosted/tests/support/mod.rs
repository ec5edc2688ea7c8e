//! A small system made by hand: servers whose entries are functions of the test, bound by real stubs.
//!
//! Every test runs in a process of its own, because a process has one machine.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![expect(unsafe_code, reason = "states, entries and stubs are made by hand")]

use std::{cell::Cell, process::Command, sync::atomic::AtomicU64};

use warren_abi::{
    call::{REGISTER_WORDS, Ret},
    signature::Part,
};
use warren_engine::{
    death, import,
    instance::{Function, Instance, Kind, Life, Outgoing},
    layout::{Line, LockWord, OBJECTS, Object},
    plan::{Limits, Plan, PlannedPrincipal, PlannedServer, PrincipalLimits, Restart},
    platform::Platform,
    reference::{self, tables},
    space::{HEAP_OFFSET, MAPPING_OFFSET, PAGE, Placement, Protection},
    stub::{self, Shape, Words},
};
use warren_hosted::{
    Hosted,
    machine::{self, Settings},
};

/// Servers that the plan of a test names.
const SERVERS: usize = 8;
/// ID of the service of all objects of tests.
pub const SERVICE: u32 = 7;
/// Time slice of tests that want to be preempted everywhere.
pub const FASTEST_NS: u64 = 20_000;

/// A test that runs as the first thread of a machine of its own.
#[macro_export]
macro_rules! on_a_machine {
    ($($(#[$meta:meta])* fn $name:ident($slice_ns:expr) $body:block)*) => {$(
        $(#[$meta])*
        #[test]
        fn $name() {
            $crate::support::alone(stringify!($name), $slice_ns, || $body);
        }
    )*};
}

/// Runs `body` on a machine in a process of its own.
pub fn alone(name: &str, slice_ns: u64, body: impl FnOnce() + 'static) {
    const CHILD: &str = "WARREN_HOSTED_TEST";
    if std::env::var_os(CHILD).is_some() {
        let verbose = std::env::var_os("WARREN_VERBOSE").is_some();
        let settings = Settings { slice_ns, verbose, plan: plan(), ..Settings::default() };
        machine::run(settings, body).expect("the machine starts");
        return;
    }
    let program = std::env::current_exe().expect("a test is a file");
    let mut command = Command::new(program);
    command.args(["--exact", name, "--test-threads=1", "--nocapture"]).env(CHILD, "1");
    let output = command.output().expect("the test starts again");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}", output.status);
}

/// A plan that names servers, so that instances of tests close and die like launched ones.
pub fn plan() -> Plan {
    let server = |index| PlannedServer {
        name: format!("server{index}"),
        file: String::new(),
        program: None,
        placement: Placement::Kernel,
        bindings: Vec::new(),
        parameters: Vec::new(),
        limits: Limits::default(),
        restart: Restart::default(),
        otherwise: None,
        principal: 0,
    };
    Plan {
        system: "test".into(),
        principals: principals(),
        servers: (0..SERVERS).map(server).collect(),
        start: Vec::new(),
    }
}

/// The principals of the plan: the first, and two below it, of which the last may have little.
pub fn principals() -> Vec<PlannedPrincipal> {
    let below = |name: &str, limits| PlannedPrincipal {
        name: name.into(),
        parent: Some(0),
        limits,
        ..PlannedPrincipal::system()
    };
    let little = PrincipalLimits {
        objects: 700,
        references: 900,
        threads: 150,
        ..PrincipalLimits::default()
    };
    vec![
        PlannedPrincipal::system(),
        below("rich", PrincipalLimits::default()),
        below("poor", little),
    ]
}

/// State of every server of tests.
#[repr(C)]
pub struct State {
    /// For the test.
    pub value: Cell<u64>,
    /// Words of references, for the test.
    pub words: [Cell<u64>; 6],
    /// Addresses of the stubs, one for each of [`Make::calls`].
    pub stubs: [Cell<u64>; 6],
}

/// An entry of a server.
pub type Entry = extern "C" fn(&State, u64, u64) -> Ret;

/// What a server is made of.
pub struct Make<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it has no lock.
    pub concurrent: bool,
    /// Entries of its root.
    pub root: &'a [Entry],
    /// Result of the root's functions that is a reference, by index.
    pub references: &'a [usize],
    /// Whether its service is atomic.
    pub atomic: bool,
    /// Entries of its local servers' kind, and their destructor.
    pub local: Option<(&'a [Entry], Entry)>,
    /// What it calls: function index and shape.
    pub calls: &'a [(u16, Shape)],
    /// Time after which the watchdog ends a call.
    pub watchdog_ms: u32,
    /// Its destructor.
    pub destruct: Entry,
    /// Index of the principal to which it belongs.
    pub principal: usize,
}

impl Default for Make<'_> {
    fn default() -> Self {
        Make {
            name: "server",
            concurrent: false,
            root: &[],
            references: &[],
            atomic: false,
            local: None,
            calls: &[],
            watchdog_ms: 0,
            destruct: nothing,
            principal: 0,
        }
    }
}

/// Ordinary call of values.
pub const VALUES: Shape = Shape { atomic: false, reference: false, wide: false };
/// The same with words on the stack.
pub const WIDE: Shape = Shape { wide: true, ..VALUES };
/// Ordinary call that returns a reference.
pub const REFERENCE: Shape = Shape { reference: true, ..VALUES };
/// Atomic call of values.
pub const ATOMIC: Shape = Shape { atomic: true, ..VALUES };

/// An entry that does nothing.
pub extern "C" fn nothing(_: &State, _: u64, _: u64) -> Ret {
    Ret::ok(0)
}

fn function(result: Part) -> Function {
    Function::new("function".into(), &[Part::Word; 2], result)
}

fn kind(entries: &[Entry], references: &[usize], atomic: bool, hidden: &[Entry]) -> Kind {
    let all: Vec<usize> = entries.iter().chain(hidden).map(|entry| *entry as usize).collect();
    let result = |index| match references.contains(&index) {
        true => Part::Reference(SERVICE),
        false => Part::Word,
    };
    Kind {
        service: SERVICE,
        name: "Service".into(),
        atomic,
        local: false,
        functions: (0..entries.len()).map(|index| function(result(index))).collect(),
        closing: death::closing_entries::<Hosted>(&all, entries.len()),
        entries: all.clone().into(),
        targets: all.into_iter().map(|entry| entry as u64).collect(),
        platform: AtomicU64::default(),
    }
}

/// A server at work.
#[derive(Clone, Copy)]
pub struct Server {
    /// Its instance.
    pub instance: &'static Instance,
    /// Its root object, which the test holds.
    pub root: *mut Object,
}

impl Server {
    /// Makes one.
    pub fn new(make: &Make<'_>) -> Self {
        Hosted::critical(|| {
            let base = Hosted::create_region(&Placement::Kernel, 0).expect("a region");
            let (code, shapes): (Vec<_>, Vec<_>) = make
                .calls
                .iter()
                .map(|(index, shape)| (stub::call_stub(*index, *shape), *shape))
                .unzip();
            let code = code.concat();
            Hosted::map(base, pages(code.len()), &code, Protection::ReadExecute).expect("memory");
            let mut kinds = vec![kind(
                make.root,
                make.references,
                make.atomic,
                &[nothing, nothing, make.destruct],
            )];
            if let Some((entries, drop)) = make.local {
                kinds.push(Kind { local: true, ..kind(entries, &[], make.atomic, &[drop]) });
            }
            // SAFETY: inside `critical`.
            let system = unsafe { tables::<Hosted>() };
            let index = system.instances().count();
            let instance = system.add(instance(index, base, code.len(), &shapes, kinds, make));
            let state = instance.state();
            Hosted::map(state, pages(size_of::<State>()), &[], Protection::ReadWrite)
                .expect("memory");
            // SAFETY: the memory was mapped just now, zeroed, for this structure.
            for (index, stub) in unsafe { &*(state as *const State) }.stubs.iter().enumerate() {
                stub.set(base + (index * stub::STUB_BYTES) as u64);
            }
            // SAFETY: inside `critical`.
            let root = unsafe { tables::<Hosted>() }.create(
                instance,
                &instance.kinds[0],
                state,
                instance.principal,
            );
            let root = root.expect("a free object");
            instance.roots.set(vec![root]);
            reference::count_up(root);
            Server { instance, root }
        })
    }

    /// Its state.
    pub fn state(&self) -> &'static State {
        // SAFETY: the state is mapped as long as the instance lives, and tests look only then.
        unsafe { &*(self.instance.state() as *const State) }
    }

    /// Word of a reference to its root.
    pub fn word(&self) -> u64 {
        self.root as u64
    }

    /// Calls a function of its root from the running thread's first frame.
    pub fn call(&self, index: usize, first: u64, second: u64) -> Ret {
        let shape = self.instance.kinds[0].functions[index].shape(self.instance.kinds[0].atomic);
        call_object(self.root, index, shape, first, second)
    }
}

/// Calls a function of an object from the running thread's first frame.
pub fn call_object(
    object: *mut Object,
    index: usize,
    shape: Shape,
    first: u64,
    second: u64,
) -> Ret {
    let mut words = Words::default();
    words[..2].copy_from_slice(&[first, second]);
    // SAFETY: the test holds the object, and every entry takes two words.
    unsafe { stub::invoke(object, index, &words, shape) }
}

/// The outgoing call `index` of the server whose state this is.
pub fn call(state: &State, index: usize, word: u64, first: u64, second: u64) -> Ret {
    // SAFETY: the state names a stub for a function that takes two words.
    let stub: extern "C" fn(u64, u64, u64) -> Ret =
        unsafe { core::mem::transmute(state.stubs[index].get() as *const ()) };
    stub(word, first, second)
}

/// A system function by its name, with two words at most.
pub fn system(name: &str, first: u64, second: u64) -> Ret {
    let index = warren_abi::system::FUNCTIONS.iter().position(|function| *function == name);
    let address = import::functions::<Hosted>()[index.expect("the function exists")];
    // SAFETY: system functions take two words at most.
    let function: extern "C" fn(u64, u64) -> Ret =
        unsafe { core::mem::transmute(address as *const ()) };
    function(first, second)
}

/// The number of references to an object.
pub fn count(object: *mut Object) -> u32 {
    // SAFETY: objects are valid for good.
    unsafe { (*object).count.load(std::sync::atomic::Ordering::Relaxed) }
}

/// Lets a kind of machine code be an entry: maps it in the server's region.
pub fn code(server: &Server, bytes: &[u8]) -> usize {
    let address = server.instance.base + HEAP_OFFSET / 2;
    Hosted::critical(|| {
        Hosted::map(address, pages(bytes.len()), bytes, Protection::ReadExecute).expect("memory");
    });
    address as usize
}

/// Makes the first function of a server machine code.
pub fn replace_first(server: &Server, entry: usize) {
    let kind = &server.instance.kinds[0];
    let mut entries = kind.entries.to_vec();
    entries[0] = entry;
    // SAFETY: objects are valid for good; nobody calls the server now.
    unsafe { (*server.root).entries = entries.leak().as_ptr() };
}

fn pages(bytes: usize) -> u64 {
    (bytes.max(1) as u64).next_multiple_of(PAGE)
}

fn instance(
    index: usize,
    base: u64,
    code_bytes: usize,
    shapes: &[Shape],
    kinds: Vec<Kind>,
    make: &Make<'_>,
) -> Instance {
    let result =
        |shape: &Shape| if shape.reference { Part::Reference(SERVICE) } else { Part::Word };
    Instance {
        lock: Line(LockWord::new(0)),
        planned: Some(index % SERVERS),
        name: make.name.into(),
        file: String::new(),
        hash: Cell::default(),
        placement: Placement::Kernel,
        isolated: false,
        base,
        stubs: base..base + code_bytes as u64,
        concurrent: make.concurrent,
        counts_output: false,
        stack_bytes: 0,
        kinds,
        calls: shapes
            .iter()
            .map(|shape| Outgoing {
                service: SERVICE,
                index: 0,
                atomic: shape.atomic,
                function: Function::new(
                    "function".into(),
                    &vec![Part::Word; if shape.wide { REGISTER_WORDS + 1 } else { 2 }],
                    result(shape),
                ),
            })
            .collect(),
        roots: Cell::default(),
        life: Cell::new(Life::Alive),
        objects: Cell::new(0),
        principal: make.principal,
        references: Cell::default(),
        counts: Cell::new(vec![0; OBJECTS]),
        weak: Cell::default(),
        heap_end: Cell::new(base + HEAP_OFFSET),
        heap_limit: 1 << 20,
        mapping_end: Cell::new(base + MAPPING_OFFSET),
        memory_bytes: Cell::default(),
        watchdog_ms: make.watchdog_ms,
        fault: Cell::default(),
        platform: AtomicU64::default(),
        restarts: 0,
        failed: Cell::default(),
        superseded: Cell::default(),
        entries: Cell::default(),
        holders: Cell::default(),
        fault_entries: Cell::default(),
    }
}

/// The lines of the log: server, colon, line.
pub fn log() -> Vec<String> {
    let mut lines = Vec::new();
    warren_hosted::log::read(&mut |journal| {
        let mut text = [0; warren_natives::journal::TEXT_BYTES];
        while let Some(record) = journal.record(lines.len() as u64, &mut text) {
            let (server, line) = text.split_at(record.server_bytes as usize);
            let line = &line[..record.text_bytes as usize];
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            lines.push(format!("{}: {}", text(server), text(line)));
        }
    });
    lines
}
