//! An engine small enough to be read at one go: it defines the system calls that the model imports, counts
//! references, takes locks, and calls entries.
//!
//! It runs on the thread of one test. The table of requirements is one symbol for the whole program, so
//! tests exclude each other, and the table's contents are exchanged at every call.

use std::{
    alloc::Layout,
    cell::RefCell,
    ffi::c_void,
    ptr::NonNull,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use warren::{
    Cx, New, Ref, Server, Service, StartError, SystemError,
    raw::{Ret, Tables, descriptor, server::Kind},
    server,
};

/// Most requirements of one server.
const REQUIREMENTS: usize = 4;

type Construct = extern "C" fn(*mut u8) -> Ret;

struct Object {
    state: *mut u8,
    kind: &'static Kind,
    instance: usize,
    count: usize,
    dead: bool,
}

struct Instance {
    state: *mut u8,
    destruct: *const c_void,
    required: [u64; REQUIREMENTS],
    locked: bool,
    kinds: &'static [Kind],
    /// Words of the root objects.
    roots: Vec<u64>,
}

struct Frame {
    object: u64,
    instance: usize,
    mark: usize,
}

#[derive(Default)]
struct Engine {
    objects: Vec<Object>,
    instances: Vec<Instance>,
    temporaries: Vec<u64>,
    frames: Vec<Frame>,
}

thread_local! {
    static ENGINE: RefCell<Engine> = RefCell::default();
}

static ONE_TEST: Mutex<()> = Mutex::new(());

#[unsafe(export_name = "wsys.required")]
static REQUIRED: [AtomicU64; REQUIREMENTS] = [const { AtomicU64::new(0) }; REQUIREMENTS];

#[unsafe(export_name = "wsys.heap")]
static HEAP: [u64; 1] = [0];

fn engine<R>(work: impl FnOnce(&mut Engine) -> R) -> R {
    ENGINE.with_borrow_mut(work)
}

impl Engine {
    fn object(&mut self, word: u64) -> &mut Object {
        &mut self.objects[word as usize - 1]
    }

    fn add(&mut self, object: Object) -> u64 {
        self.objects.push(object);
        self.objects.len() as u64
    }

    fn frame(&self) -> &Frame {
        self.frames.last().expect("a system call outside of an activation")
    }

    fn temporary(&mut self, word: u64) -> Ret {
        self.object(word).count += 1;
        self.temporaries.push(word);
        Ret::ok(word)
    }
}

/// What a test holds while it uses the engine.
pub struct Session {
    _alone: MutexGuard<'static, ()>,
}

/// The state of the server that a test plays.
#[server(provides(Nothing), name = "test", summary = "A test")]
pub struct Test;

/// A service without functions.
#[warren::service(id = 0xffff)]
pub trait Nothing {}

impl Nothing for Test {}

impl Server for Test {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Test)
    }
}

/// An instance that a test has loaded.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    instance: usize,
}

impl Session {
    /// Starts with no objects.
    pub fn begin() -> Self {
        let alone = ONE_TEST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        engine(|engine| *engine = Engine::default());
        let session = Session { _alone: alone };
        session.load::<Test>(&[]).unwrap();
        session
    }

    /// Makes an instance. The test holds one reference to each of its roots.
    pub fn load<T: Tables>(&self, required: &[u64]) -> Result<Loaded, u64> {
        let descriptor = descriptor::<T>();
        let layout = Layout::new::<T>().pad_to_align();
        // SAFETY: the size is not 0.
        let state = unsafe { std::alloc::alloc(layout_of_at_least_one(layout)) };
        let mut table = [0; REQUIREMENTS];
        table[..required.len()].copy_from_slice(required);
        let instance = engine(|engine| {
            engine.instances.push(Instance {
                state,
                destruct: descriptor.destruct,
                required: table,
                locked: false,
                kinds: T::KINDS,
                roots: Vec::new(),
            });
            engine.instances.len() - 1
        });
        hook(instance, descriptor.construct)?;
        engine(|engine| {
            for kind in T::KINDS.iter().take_while(|kind| kind.drop.is_null()) {
                let root = engine.add(Object { state, kind, instance, count: 1, dead: false });
                engine.instances[instance].roots.push(root);
            }
        });
        hook(instance, descriptor.start)?;
        Ok(Loaded { instance })
    }

    /// Runs `work` as an activation of the server that the test plays.
    pub fn run<R>(&self, work: impl for<'f> FnOnce(&mut Cx<'f, Test>) -> R) -> R {
        let state = engine(|engine| engine.instances[0].state);
        activation(0, 0, false, || {
            // SAFETY: this is an activation with the state of a `Test`, which is locked.
            let mut cx = unsafe { Cx::enter(NonNull::new(state).unwrap().cast()) };
            work(&mut cx)
        })
    }

    /// References that exist to an object.
    pub fn count(&self, word: u64) -> usize {
        engine(|engine| engine.object(word).count)
    }

    /// Objects that are alive, without the test's own.
    pub fn alive(&self) -> usize {
        engine(|engine| engine.objects.iter().skip(1).filter(|object| !object.dead).count())
    }

    /// Connects a requirement to another object, as a restart does.
    pub fn connect(&self, loaded: Loaded, requirement: usize, word: u64) {
        engine(|engine| engine.instances[loaded.instance].required[requirement] = word);
    }

    /// Makes an object answer `Lost`.
    pub fn kill(&self, word: u64) {
        engine(|engine| engine.object(word).dead = true);
    }

    /// Whether the server that the test plays is locked.
    pub fn test_locked(&self) -> bool {
        engine(|engine| engine.instances[0].locked)
    }

    /// Calls function `index` with raw words, as a caller that keeps to no type would.
    pub fn call_raw(&self, word: u64, index: usize, words: &[u64]) -> Ret {
        self.run(|_| call(word, index, words, false, false))
    }
}

impl Loaded {
    /// The root object of this kind.
    pub fn root(self, kind: usize) -> u64 {
        engine(|engine| engine.instances[self.instance].roots[kind])
    }

    /// The root object of the first kind, as a reference for the activation of `cx`.
    pub fn get<'f, X: ?Sized + Service, S>(self, cx: &Cx<'f, S>) -> Ref<'f, X> {
        self.get_kind(cx, 0)
    }

    /// The root object of a kind, as a reference for the activation of `cx`.
    pub fn get_kind<'f, X: ?Sized + Service, S>(self, _cx: &Cx<'f, S>, kind: usize) -> Ref<'f, X> {
        let word = self.root(kind);
        assert_eq!(engine(|engine| engine.object(word).kind.service), X::ID.into());
        // SAFETY: the kind says that it provides `X`, and the test holds a reference to it.
        unsafe { Ref::from_word(word.try_into().unwrap()) }
    }

    /// Gives the test's references to the roots back.
    pub fn release(self) {
        let roots = engine(|engine| engine.instances[self.instance].roots.clone());
        roots.into_iter().for_each(drop_count);
    }
}

fn layout_of_at_least_one(layout: Layout) -> Layout {
    Layout::from_size_align(layout.size().max(1), layout.align()).unwrap()
}

/// Runs constructor or `start`.
fn hook(instance: usize, function: *const c_void) -> Result<(), u64> {
    let state = engine(|engine| engine.instances[instance].state);
    // SAFETY: the descriptor says that it is of this type.
    let function: Construct = unsafe { std::mem::transmute(function) };
    match activation(instance, 0, false, || function(state)).error {
        0 => Ok(()),
        error => Err(error),
    }
}

/// Runs `work` inside an instance: locks, requirements, temporaries.
fn activation<R>(instance: usize, object: u64, atomic: bool, work: impl FnOnce() -> R) -> R {
    let (caller, relock) = engine(|engine| {
        let caller = engine.frames.last().map(|frame| frame.instance);
        let relock = caller.filter(|at| !atomic && engine.instances[*at].locked);
        if let Some(caller) = relock {
            engine.instances[caller].locked = false;
        }
        assert!(!engine.instances[instance].locked, "a thread waits for itself");
        engine.instances[instance].locked = true;
        let mark = engine.temporaries.len();
        engine.frames.push(Frame { object, instance, mark });
        (caller, relock)
    });
    connect(Some(instance));
    let result = work();
    connect(caller);
    let dropped = engine(|engine| {
        let frame = engine.frames.pop().unwrap();
        engine.instances[instance].locked = false;
        // An atomic activation must not run destructors, for its caller is locked still.
        let keep = if atomic { engine.temporaries.len() } else { frame.mark };
        engine.temporaries.split_off(keep)
    });
    dropped.into_iter().for_each(drop_count);
    if let Some(caller) = relock {
        engine(|engine| engine.instances[caller].locked = true);
    }
    result
}

/// Shows an instance its requirements.
fn connect(instance: Option<usize>) {
    let table = instance.map(|at| engine(|engine| engine.instances[at].required));
    for (place, word) in REQUIRED.iter().zip(table.unwrap_or_default()) {
        place.store(word, Relaxed);
    }
}

/// What every stub does.
pub fn call(word: u64, index: usize, words: &[u64], atomic: bool, reference: bool) -> Ret {
    let (state, entry, instance) = engine(|engine| {
        let Object { state, kind, instance, dead, .. } = *engine.object(word);
        // SAFETY: that many entries lie there.
        let entries =
            unsafe { std::slice::from_raw_parts(kind.entries, kind.entry_count as usize) };
        let entry = entries[index];
        (state, if dead { std::ptr::null() } else { entry }, instance)
    });
    if entry.is_null() {
        return Ret::err(SystemError::Lost.number());
    }
    if atomic && engine(|engine| engine.instances[instance].locked) {
        return Ret::err(SystemError::Reentered.number());
    }
    let mut all = [0; 13];
    all[..words.len()].copy_from_slice(words);
    let mut returned = Ret::ok(0);
    activation(instance, word, atomic, || {
        returned = enter(entry, state, &all);
        // A returned reference must survive the temporaries of the callee.
        if reference && returned.error == 0 {
            engine(|engine| engine.object(returned.value).count += 1);
        }
    });
    if reference && returned.error == 0 {
        engine(|engine| engine.temporaries.push(returned.value));
    }
    returned
}

/// Calls an entry with as many words as any may take.
fn enter(entry: *const c_void, state: *mut u8, words: &[u64; 13]) -> Ret {
    type Words = u64;
    type Function = extern "C" fn(
        *mut u8,
        Words,
        Words,
        Words,
        Words,
        Words,
        Words,
        Words,
        Words,
        Words,
        Words,
        Words,
        Words,
        Words,
    ) -> Ret;
    // SAFETY: an entry ignores words that it does not have.
    let function: Function = unsafe { std::mem::transmute(entry) };
    let [a, b, c, d, e, f, g, h, i, j, k, l, m] = *words;
    function(state, a, b, c, d, e, f, g, h, i, j, k, l, m)
}

/// Drops one count, and the object with the last one.
fn drop_count(word: u64) {
    let dropped = engine(|engine| {
        let object = engine.object(word);
        object.count -= 1;
        if object.count > 0 || object.dead {
            return None;
        }
        object.dead = true;
        Some((object.state, object.kind.drop, object.instance))
    });
    let Some((state, local_drop, instance)) = dropped else { return };
    if !local_drop.is_null() {
        // SAFETY: the descriptor says that it is of this type.
        let function: extern "C" fn(*mut u8) = unsafe { std::mem::transmute(local_drop) };
        activation(instance, 0, false, || function(state));
    }
    let last = engine(|engine| {
        let mut objects = engine.objects.iter();
        objects.all(|object| object.instance != instance || object.dead)
    });
    if last {
        let destruct = engine(|engine| engine.instances[instance].destruct);
        hook(instance, destruct).unwrap();
    }
}

#[unsafe(export_name = "wsys.keep")]
extern "C" fn keep(word: u64) -> Ret {
    engine(|engine| engine.object(word).count += 1);
    Ret::ok(word)
}

#[unsafe(export_name = "wsys.release")]
extern "C" fn release(word: u64) -> Ret {
    engine(|engine| engine.temporaries.push(word));
    Ret::ok(0)
}

#[unsafe(export_name = "wsys.pin")]
extern "C" fn pin(word: u64) -> Ret {
    engine(|engine| engine.temporary(word))
}

#[unsafe(export_name = "wsys.weak")]
extern "C" fn weak(word: u64) -> Ret {
    Ret::ok(word)
}

#[unsafe(export_name = "wsys.upgrade")]
extern "C" fn upgrade(word: u64) -> Ret {
    match engine(|engine| engine.object(word).dead) {
        true => Ret::err(SystemError::Gone.number()),
        false => engine(|engine| engine.temporary(word)),
    }
}

#[unsafe(export_name = "wsys.unweak")]
extern "C" fn unweak(_word: u64) -> Ret {
    Ret::ok(0)
}

#[unsafe(export_name = "wsys.spawn")]
extern "C" fn spawn(kind: u64, state: *mut u8) -> Ret {
    engine(|engine| {
        let instance = engine.frame().instance;
        let kind = &engine.instances[instance].kinds[kind as usize];
        let word = engine.add(Object { state, kind, instance, count: 0, dead: false });
        engine.temporary(word)
    })
}

#[unsafe(export_name = "wsys.this")]
extern "C" fn this() -> Ret {
    engine(|engine| {
        let object = engine.frame().object;
        engine.temporary(object)
    })
}

#[unsafe(export_name = "wsys.root")]
extern "C" fn root(kind: u64) -> Ret {
    engine(|engine| {
        let instance = engine.frame().instance;
        let root = engine.instances[instance].roots[kind as usize];
        engine.temporary(root)
    })
}

#[unsafe(export_name = "wsys.scope")]
extern "C" fn scope() -> Ret {
    Ret::ok(engine(|engine| engine.temporaries.len()) as u64)
}

#[unsafe(export_name = "wsys.scope_end")]
extern "C" fn scope_end(mark: u64) -> Ret {
    let dropped = engine(|engine| engine.temporaries.split_off(mark as usize));
    dropped.into_iter().for_each(drop_count);
    Ret::ok(0)
}

#[unsafe(export_name = "wsys.deadline")]
extern "C" fn deadline(_until_ns: u64) -> Ret {
    Ret::ok(0)
}

#[unsafe(export_name = "wsys.deadline_end")]
extern "C" fn deadline_end(_mark: u64) -> Ret {
    Ret::ok(0)
}

#[unsafe(export_name = "wsys.unlock")]
extern "C" fn unlock() -> Ret {
    engine(|engine| {
        let instance = engine.frame().instance;
        engine.instances[instance].locked = false;
    });
    Ret::ok(0)
}

#[unsafe(export_name = "wsys.lock")]
extern "C" fn lock() -> Ret {
    engine(|engine| {
        let instance = engine.frame().instance;
        assert!(!engine.instances[instance].locked);
        engine.instances[instance].locked = true;
    });
    Ret::ok(0)
}

#[unsafe(export_name = "wsys.yield")]
extern "C" fn yield_now() -> Ret {
    std::thread::yield_now();
    Ret::ok(0)
}

/// Address of the symbol from which the place of mappings is reckoned.
pub fn heap() -> u64 {
    (&raw const HEAP).addr() as u64
}

/// Defines the stub of one function: its symbol, its index, its words.
#[macro_export]
macro_rules! stubs {
    ($($symbol:literal $name:ident $index:literal ($($word:ident)*) $kind:ident)*) => {$(
        #[unsafe(export_name = $symbol)]
        extern "C" fn $name(target: u64 $(, $word: u64)*) -> warren::raw::Ret {
            let (atomic, reference) = $crate::engine::kind(stringify!($kind));
            $crate::engine::call(target, $index, &[$($word),*], atomic, reference)
        }
    )*};
}

/// Atomic? Does it return a reference?
pub fn kind(word: &str) -> (bool, bool) {
    match word {
        "plain" => (false, false),
        "reference" => (false, true),
        "atomic" => (true, false),
        _ => panic!("{word}"),
    }
}
