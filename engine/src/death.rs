//! Death: of objects nobody refers to any more, and of instances that failed.
//!
//! Counting down happens inside `critical`; what dies by it is put on a list there and finished here,
//! outside of it, because a destructor is a call into a server.
#![expect(unsafe_code, reason = "objects and frames are the engine's raw memory")]

use alloc::boxed::Box;
use core::{fmt::Arguments, marker::PhantomData, sync::atomic::Ordering::Relaxed};

use warren_abi::call::{Ret, SystemError};

use crate::{
    deadline,
    instance::{Instance, Kind, Life},
    launch,
    layout::{Cpu, FRAMES, Frame, LockWord, NO_LOCK, Object, Temporary, is_lock},
    lock,
    plan::Restart,
    platform::{Level, Platform},
    record::Held,
    reference::{self, count_down, drop_temporaries, first_temporary, newest_frame, tables},
    restart::{Deaths, Return},
    space::Placement,
    stub::{self, Shape, SlowPaths},
};

/// Entries of every object that died: as many as any kind has.
struct Lost<P>(PhantomData<P>);

impl<P: Platform> Lost<P> {
    const ENTRIES: &[extern "C" fn() -> Ret; LOST_ENTRIES] = &[lost::<P>; LOST_ENTRIES];
}

/// The service of what a thread can run: `Task`.
const TASK: u32 = 0x7452_0001;

/// As many entries as any kind has, the hidden ones included.
pub const LOST_ENTRIES: usize = 64;
const _: () = assert!(crate::file::limits::FUNCTIONS + 3 <= LOST_ENTRIES);

/// The entries of an object whose destructor runs, if `entries` are its usual ones and the first `functions` of them those of its service. The destructor
/// may hand out references to what it destroys; whoever calls those must not find what is half destroyed, or not there any more.
pub fn closing_entries<P: Platform>(entries: &[usize], functions: usize) -> Box<[usize]> {
    let lost = core::iter::repeat_n(lost::<P> as *const () as usize, functions);
    lost.chain(entries[functions..].iter().copied()).collect()
}

/// What a call into a dead server answers. One that died in an atomic call, whose caller kept its lock, is taken apart
/// and comes back by the next call into it that may do that.
extern "C" fn lost<P: Platform>() -> Ret {
    let is_left = P::critical(|| {
        // SAFETY: inside `critical`.
        let system = unsafe { tables::<P>() };
        system.unburied != 0 || system.next_return_ns().is_some_and(|at_ns| at_ns <= P::now_ns())
    });
    if is_left && may_destroy::<P>() {
        P::critical(forget_callee::<P>);
        finish::<P>();
        launch::revive::<P>();
    }
    reference::refuse(SystemError::Lost)
}

/// The functions that stubs call off their fast path.
pub fn slow_paths<P: Platform>() -> SlowPaths {
    SlowPaths {
        enter: lock::enter::<P> as *const () as usize,
        enter_atomic: lock::enter_atomic::<P> as *const () as usize,
        come_back: lock::come_back::<P> as *const () as usize,
        leave_atomic: lock::leave_atomic::<P> as *const () as usize,
        drop_temporaries: end_of_call::<P> as *const () as usize,
        hand_over: hand_over::<P> as *const () as usize,
        dead: dead_return::<P> as *const () as usize,
    }
}

/// Lets the newest frame hold no lock. Inside `critical`.
fn release_newest<P: Platform>() {
    // SAFETY: the platform's block is valid and the thread's own.
    lock::release(unsafe { &*P::cpu() });
}

/// Whether it is written that the thread that runs holds a lock.
fn is_held(cpu: &Cpu, lock: *const LockWord) -> bool {
    // SAFETY: the lock in a frame is valid as long as the frame names it.
    is_lock(lock) && cpu.holds(unsafe { &*lock }.load(Relaxed))
}

/// Drops the temporaries of the newest frame, whose callee has returned and holds its lock no more.
extern "C" fn end_of_call<P: Platform>() {
    P::critical(disown_newest_frame::<P>);
    // SAFETY: the platform's block is valid.
    let owner = unsafe { (*P::cpu()).frame };
    let mark = first_temporary::<P>(owner);
    if !may_destroy::<P>() {
        return pass_temporaries_on::<P>(mark, owner.wrapping_sub(1));
    }
    drop_temporaries::<P>(mark);
}

/// Drops temporaries from `mark` on, but leaves those that would destroy something to `owner`: the caller, or the activation
/// whose scope ends.
pub fn pass_temporaries_on<P: Platform>(mark: *mut Temporary, owner: *mut Frame) {
    P::critical(|| {
        // SAFETY: the platform's block is valid.
        let end = unsafe { (*P::cpu()).temporary };
        let (mut next, mut kept) = (mark, mark);
        while next < end {
            // SAFETY: entries below the end are initialised.
            let entry = unsafe { *next };
            // SAFETY: objects are valid for good.
            if unsafe { (*entry.object).count.load(Relaxed) } > 1 {
                // SAFETY: inside `critical`, and the entry is forgotten.
                unsafe { reference::give_back::<P>(entry) };
            } else {
                // SAFETY: the place is at or below that of an entry that has been read.
                unsafe { kept.write(Temporary { owner, ..entry }) };
                kept = kept.wrapping_add(1);
            }
            next = next.wrapping_add(1);
        }
        // SAFETY: everything from the mark on was forgotten or written again.
        unsafe { reference::end_temporaries::<P>(kept) };
    });
}

/// Ends a call whose result is a reference: it becomes a temporary of the caller, the others go.
extern "C" fn hand_over<P: Platform>(error: u64, word: u64) -> Ret {
    P::critical(disown_newest_frame::<P>);
    if error != 0 {
        end_of_call::<P>();
        return Ret::err(error);
    }
    // SAFETY: the frame below the newest exists in every thread.
    let object = unsafe { (*newest_frame::<P>().wrapping_sub(1)).object };
    // SAFETY: a frame's object is valid while the frame is there.
    let caller = unsafe { reference::instance_of(object) };
    let object = P::critical(|| {
        // SAFETY: inside `critical`.
        let object = unsafe { tables::<P>() }.object(word)?;
        // A count for the way over; it becomes the caller's below.
        reference::count_up(object);
        Some(object)
    });
    end_of_call::<P>();
    let Some(object) = object else { return reference::refuse(SystemError::BadAnswer) };
    P::critical(|| {
        let granted = reference::push_temporary_of::<P>(object, Some(caller), newest_frame::<P>());
        count_down::<P>(object);
        granted.map_or_else(reference::refuse, |()| Ret::ok(word))
    })
}

/// A call has returned into a dead server.
extern "C" fn dead_return<P: Platform>() -> ! {
    leave_dead::<P>()
}

/// The thread is back in a dead server, the callee of its newest frame: takes apart what is not needed any more, and goes on in that server's
/// caller. Outside of `critical`.
pub fn leave_dead<P: Platform>() -> ! {
    P::critical(forget_callee::<P>);
    finish::<P>();
    P::abort(SystemError::Lost.number())
}

/// Whether destructors may run: not if a caller keeps its lock, because an atomic call is under way. Asked by
/// whoever holds no server's lock itself.
pub fn may_destroy<P: Platform>() -> bool {
    // SAFETY: the platform's block is valid.
    let cpu = unsafe { &*P::cpu() };
    !frames::<P>().any(|frame| {
        // SAFETY: frames in use are valid.
        let lock = unsafe { (*frame).lock };
        is_held(cpu, lock)
    })
}

/// The frames of the thread that runs, from the newest to the bottom.
fn frames<P: Platform>() -> impl Iterator<Item = *mut Frame> {
    core::iter::successors(Some(newest_frame::<P>()), |&frame| {
        // SAFETY: frames in use are valid.
        let is_bottom = unsafe { (*frame).is_bottom() };
        (!is_bottom).then(|| frame.wrapping_sub(1))
    })
}

/// Destroys what nobody refers to any more, unless an atomic call is under way: then it stays on the list. Outside of
/// `critical`, holding no other server's lock.
pub fn finish<P: Platform>() {
    if !may_destroy::<P>() {
        return;
    }
    let Some(base) = P::critical(push_own_frame::<P>) else { return };
    loop {
        while let Some(remains) = P::critical(next_dying::<P>) {
            destroy::<P>(remains);
        }
        if !bury::<P>() {
            break;
        }
    }
    P::critical(|| {
        P::with_deadlines(|all| all.set_base(base));
        // SAFETY: the platform's block is valid and the thread's own.
        unsafe { (*P::cpu()).frame = newest_frame::<P>() };
    });
}

/// Pushes a frame of a call of the platform's own object, so that nobody cuts the thread off who ends the server that
/// runs, and no deadline of the thread's counts for what is destroyed. Returns from which frame on they counted before ([`deadline::regardless`]);
/// `None` if there is no room. Inside `critical`.
fn push_own_frame<P: Platform>() -> Option<*mut Frame> {
    let bottom = frames::<P>().last().expect("every thread has a bottom frame");
    // SAFETY: the platform's block is valid and the thread's own.
    let cpu = unsafe { &mut *P::cpu() };
    if cpu.frame >= bottom.wrapping_add(FRAMES) {
        return None;
    }
    // SAFETY: frames in use are valid.
    let object = unsafe { (*bottom).object };
    let frame = Frame {
        return_address: finish::<P> as *const () as u64,
        // SAFETY: as above. The return address is in the frame, so that it is a multiple of 16.
        stack: unsafe { (*newest_frame::<P>()).stack } & !15,
        saved: [0; 6],
        resume: finish::<P> as *const () as u64,
        lock: &raw const NO_LOCK,
        object,
        platform: [0; 5],
    };
    // SAFETY: the first free frame lies in the array, as just checked.
    unsafe { cpu.frame.write(frame) };
    let own = cpu.frame;
    cpu.frame = own.wrapping_add(1);
    Some(P::with_deadlines(|all| all.set_base(own)))
}

/// What is left to be done, outside of `critical`, for something that nobody refers to any more.
enum Remains<P: Platform> {
    /// A local server's state is to be dropped. The object has one count for that.
    State(*mut Object),
    /// An instance is to be destructed.
    Instance(Held<P>),
}

/// Takes objects from the list that nobody refers to, up to one for which there is something left to be done.
/// Inside `critical`.
///
/// Nobody holds a reference to what is on the list, but a platform's fast path may have seen one just before it went, on another
/// CPU, and be about to count its call: after a barrier it has. And a call that ends may have taken the last count away and
/// be about to put it back, because it has to come here itself: after another barrier it has. No call begins between the two.
fn next_dying<P: Platform>() -> Option<Remains<P>> {
    loop {
        // SAFETY: inside `critical`.
        let object = unsafe { tables::<P>() }.dying.pop()?;
        // SAFETY: objects are valid for good, and nobody else touches them inside `critical`.
        let entry = unsafe { &mut *object };
        entry.flags &= !Object::DYING;
        let is_called = || {
            P::barrier();
            entry.count.load(Relaxed) != 0
        };
        if is_called() || is_called() {
            continue;
        }
        // SAFETY: the object is in use until it is buried.
        let instance = unsafe { reference::instance_of(object) };
        if entry.flags & (Object::LOCAL | Object::DEAD) == Object::LOCAL && instance.is_alive() {
            // The count keeps a release in the destructor from destroying the object twice, the flag keeps a
            // weak reference from being upgraded.
            entry.flags |= Object::DEAD;
            close(entry);
            entry.count.store(1, Relaxed);
            return Some(Remains::State(object));
        }
        if let Some(closing) = take_away::<P>(object) {
            return Some(Remains::Instance(closing));
        }
    }
}

/// Lets every call of an object be answered by `Lost`, but not its destructor's. Inside `critical`.
fn close(object: &mut Object) {
    // SAFETY: a kind is valid as long as an object of it is in use.
    object.entries = unsafe { &*object.kind }.closing.as_ptr();
}

/// Destroys a local server, or an instance that nobody refers to any more.
fn destroy<P: Platform>(remains: Remains<P>) {
    let closing = match remains {
        Remains::Instance(instance) => Some(instance),
        Remains::State(object) => {
            // SAFETY: objects are valid for good.
            let kind = unsafe { (*object).kind };
            // SAFETY: a kind is valid as long as an object of it is in use.
            call_hidden(object, unsafe { &*kind }.drop_entry());
            P::critical(|| {
                // SAFETY: as above.
                let kept = unsafe { &*object }.count.fetch_sub(1, Relaxed) != 1;
                if kept {
                    // Its destructor kept a reference to it: the entry stays, and answers `Lost`, until that
                    // goes too.
                    bury_object::<P>(object);
                    return None;
                }
                take_away::<P>(object)
            })
        }
    };
    if let Some(instance) = closing {
        call_root::<P>(&instance, Kind::destruct);
        P::alone(|| {
            end_one::<P>(&instance);
            note_closing::<P>(&instance, None);
        });
    }
}

/// Takes an object that nobody refers to any more away from its instance; returns that if it was the last, and so
/// is to be destructed. What the system starts by itself stays, unless it is a task, which may have ended. Inside `critical`.
fn take_away<P: Platform>(object: *mut Object) -> Option<Held<P>> {
    // SAFETY: the object is in use until it is buried below.
    let instance = unsafe { reference::instance_of(object) };
    // SAFETY: objects are valid for good.
    if unsafe { (*object).flags } & (Object::LOCAL | Object::DEAD) != 0 {
        bury_object::<P>(object);
    }
    instance.objects.set(instance.objects.get().saturating_sub(1));
    // SAFETY: inside `critical`.
    let started = |planned: &usize| unsafe { tables::<P>() }.plan.start.contains(planned);
    let is_task = instance.root_kind(TASK).is_some();
    let last = instance.objects.get() == 0
        && instance.life.get() == Life::Alive
        && instance.planned.is_some_and(|planned| is_task || !started(&planned));
    last.then(|| {
        instance.life.set(Life::Closing);
        note_closing::<P>(instance, Some(running_thread::<P>()));
        forget_running::<P>(instance);
        for root in (0..).map_while(|kind| instance.root(kind)) {
            // SAFETY: the roots of an instance that lives are in use, and nobody else touches them inside `critical`.
            close(unsafe { &mut *root });
        }
        Held::new(instance)
    })
}

/// Notes which thread is destructing an instance: its server is not launched again before that is over. Inside `critical`.
fn note_closing<P: Platform>(instance: &Instance, thread: Option<u64>) {
    if let Some(planned) = instance.planned {
        // SAFETY: inside `critical`.
        unsafe { tables::<P>() }.closing[planned] = thread;
    }
}

/// The thread that runs.
pub fn running_thread<P: Platform>() -> u64 {
    // SAFETY: the platform's block is valid.
    unsafe { (*P::cpu()).thread }
}

/// Makes an object answer `Lost` for good. Inside `critical`.
fn bury_object<P: Platform>(object: *mut Object) {
    // SAFETY: objects are valid for good, and nobody else touches them inside `critical`.
    let entry = unsafe { &mut *object };
    entry.flags |= Object::DEAD;
    entry.entries = Lost::<P>::ENTRIES.as_ptr().cast();
    // SAFETY: inside `critical`.
    let system = unsafe { tables::<P>() };
    entry.lock = &raw const NO_LOCK;
    // SAFETY: the object is dead, as of now.
    unsafe { system.recycle(object) };
}

/// Calls a hidden entry that takes nothing but the state.
///
/// It is a function of its own in every build: debuggers stop here to learn what was loaded.
#[inline(never)]
fn call_hidden(object: *mut Object, index: usize) -> Ret {
    let shape = Shape::default();
    // SAFETY: hidden entries expect no word but the state, and the object is held by its caller.
    unsafe { stub::invoke(object, index, &Default::default(), shape) }
}

/// Calls the constructor or another hidden entry of an instance's root. The caller has a [`Held`] of it.
///
/// The root is held meanwhile, so that a reference which comes and goes in the call does not close the
/// instance: that takes somebody who had one and gave it up.
pub fn call_root<P: Platform>(instance: &Instance, index: impl FnOnce(&Kind) -> usize) -> Ret {
    let root = P::critical(|| {
        let root = instance.root(0).expect("an instance has a root");
        reference::count_up(root);
        root
    });
    let result = call_hidden(root, index(&instance.kinds[0]));
    P::critical(|| {
        reference::uncount(root);
        if !instance.is_alive() {
            // It died meanwhile, and may be buried: the count kept the entry.
            bury_object::<P>(root);
        }
    });
    result
}

/// Forgets that an instance is the one that answers for its server. Inside `critical`.
fn forget_running<P: Platform>(instance: &Instance) {
    // SAFETY: inside `critical`.
    let system = unsafe { tables::<P>() };
    // It may also answer for servers in whose place it was launched.
    system
        .running
        .iter_mut()
        .filter(|running| running.is_some_and(|running| core::ptr::eq(running, instance)))
        .for_each(|running| *running = None);
}

/// Makes a dead instance's objects answer `Lost`, and forgets that it ran. Inside `critical`.
fn end<P: Platform>(instance: &Instance) {
    forget_running::<P>(instance);
    // SAFETY: inside `critical`; the borrow ends at once.
    let system = unsafe { tables::<P>() };
    system.unburied += 1;
    bury_objects::<P>(instance);
}

/// Makes all objects of an instance answer `Lost` for good. Inside `critical`.
fn bury_objects<P: Platform>(instance: &Instance) {
    // SAFETY: inside `critical`; the borrow ends at once.
    for object in unsafe { tables::<P>() }.objects() {
        // SAFETY: objects are valid for good.
        if core::ptr::eq(unsafe { (*object).instance }, instance) {
            bury_object::<P>(object);
        }
    }
}

/// Takes back what a dead instance held. Inside `critical`.
fn take_references_back<P: Platform>(instance: &Instance) {
    // SAFETY: inside `critical`.
    let taken = unsafe { tables::<P>() }.taken();
    for (index, count) in instance.counts.take().into_iter().take(taken).enumerate() {
        // SAFETY: inside `critical`.
        let object = unsafe { tables::<P>() }.by_index(index);
        for _ in 0..count {
            count_down::<P>(object);
        }
    }
    let mut charged = u64::from(instance.references.take());
    let weak = instance.weak.take().into_iter().take(taken).enumerate();
    for (index, count) in weak.filter(|(_, count)| *count != 0) {
        charged += u64::from(count);
        // SAFETY: inside `critical`.
        let system = unsafe { tables::<P>() };
        // SAFETY: the instance had weak references to the object.
        unsafe { system.forget_weak(index, count.into()) };
    }
    // SAFETY: inside `critical`.
    unsafe { tables::<P>() }.holdings.release_references(instance, charged);
}

/// The running server failed: it dies, and its caller gets `Lost`. Outside of `critical`.
pub fn die<P: Platform>(instance: &Instance, reason: Arguments<'_>) -> ! {
    kill::<P>(instance, reason);
    P::critical(forget_callee::<P>);
    if may_destroy::<P>() {
        finish::<P>();
        launch::revive::<P>();
    }
    P::abort(SystemError::Lost.number())
}

/// Makes the platform's own object the callee of the newest frame, whose callee died or has returned, and so holds no lock: what is done
/// from here on is the system's doing, and references that it gets are the system's. So nobody cuts it
/// off in the middle. Inside `critical`.
fn disown_newest_frame<P: Platform>() {
    release_newest::<P>();
    // SAFETY: the newest frame is the running thread's.
    unsafe { (*newest_frame::<P>()).object = own_object::<P>() };
}

/// The same for a frame whose callee died, which gives back what it had of it: the lock, and the count if it had one; and whose deadlines
/// are over. Inside `critical`.
fn forget_callee<P: Platform>() {
    release_newest::<P>();
    deadline::forget_newest::<P>();
    // SAFETY: the newest frame is the running thread's.
    P::replace_callee(unsafe { &mut *newest_frame::<P>() }, own_object::<P>());
}

/// The platform's own object.
fn own_object<P: Platform>() -> *mut Object {
    let bottom = frames::<P>().last().expect("every thread has a bottom frame");
    // SAFETY: a thread's first frame is its bottom, whose object is the platform's own.
    unsafe { (*bottom).object }
}

/// Bytes of a panic's message that are logged.
pub const MESSAGE_BYTES: usize = 200;

/// The running server panicked with this message: it dies, and its caller gets `Lost`.
///
/// # Safety
///
/// `text` points to `bytes` readable bytes, unless they lie in no mapped page.
pub unsafe extern "C" fn panic<P: Platform>(text: u64, bytes: u64) -> ! {
    let instance = reference::current::<P>();
    let mut message = [0; MESSAGE_BYTES];
    // SAFETY: as promised by the caller.
    let message = unsafe { message_of::<P>(instance, text, bytes, &mut message) };
    die::<P>(instance, format_args!("panicked: {message}"))
}

/// The running server panicked with this message and leaves the activation by itself: the log says so.
///
/// # Safety
///
/// As for [`panic`].
pub unsafe extern "C" fn panicked<P: Platform>(text: u64, bytes: u64) -> Ret {
    let instance = reference::current::<P>();
    let mut message = [0; MESSAGE_BYTES];
    // SAFETY: as promised by the caller.
    let message = unsafe { message_of::<P>(instance, text, bytes, &mut message) };
    let line = format_args!("panicked in a call: {message}");
    P::critical(|| P::log(Level::Error, &instance.name, line));
    Ret::ok(0)
}

/// The text of a panic, as much as can be read of it.
///
/// # Safety
///
/// As for [`panic`].
unsafe fn message_of<'a, P: Platform>(
    instance: &Instance,
    text: u64,
    bytes: u64,
    message: &'a mut [u8; MESSAGE_BYTES],
) -> &'a str {
    let length = usize::try_from(bytes).map_or(MESSAGE_BYTES, |bytes| bytes.min(MESSAGE_BYTES));
    let readable = if length == 0 {
        // The address of no bytes means nothing.
        true
    } else if instance.shares_space() {
        // SAFETY: promised by the caller, who shares this space and could do worse by itself.
        message[..length]
            .copy_from_slice(unsafe { core::slice::from_raw_parts(text as *const u8, length) });
        true
    } else {
        P::critical(|| P::read(text, &mut message[..length]))
    };
    let chunk = if readable { message[..length].utf8_chunks().next() } else { None };
    chunk.map_or("", |chunk| chunk.valid())
}

/// Ends an instance at once, and all that share its domain: they share its memory, so they share its fate.
///
/// The thread that runs may be inside it: whoever calls this for it goes on with [`Platform::abort`].
pub fn kill<P: Platform>(instance: &Instance, reason: Arguments<'_>) {
    P::alone(|| {
        P::log(Level::Error, &instance.name, format_args!("{reason}"));
        schedule_revival::<P>(instance);
        end_with_domain::<P>(instance);
    });
}

/// Ends an instance at once with the principal to which it belongs: it does not come back, whatever its plan says, unless somebody
/// launches it. What shares its domain is lost with it as ever. Outside of `critical`, without a lock.
pub fn dismiss<P: Platform>(instance: &Instance) {
    P::alone(|| {
        if instance.is_alive() {
            P::log(Level::Info, &instance.name, format_args!("ended"));
            end_with_domain::<P>(instance);
        }
    });
    finish::<P>();
    launch::revive::<P>();
}

/// Ends an instance and all that share its domain, and cuts threads off. Inside `alone`.
fn end_with_domain<P: Platform>(instance: &Instance) {
    end_one::<P>(instance);
    if let Placement::Shared(domain) = &instance.placement {
        for other in every_instance::<P>() {
            if other.placement == instance.placement && other.is_alive() {
                let line = format_args!("lost with its domain {domain}");
                P::log(Level::Error, &other.name, line);
                schedule_revival::<P>(other);
                end_one::<P>(other);
            }
        }
    }
    cut_threads_off::<P>();
}

/// Takes an instance back that could not be started. Inside `critical`.
pub fn discard<P: Platform>(instance: &Instance) {
    end_one::<P>(instance);
}

/// Marks one instance dead and takes back what it held. Inside `critical`.
fn end_one<P: Platform>(instance: &Instance) {
    if instance.is_alive() {
        instance.life.set(Life::Dead);
        instance.platform.store(0, Relaxed);
        end::<P>(instance);
    }
}

/// Notes that a server failed, and that it is to come back, if its plan says so. Inside `critical`.
fn schedule_revival<P: Platform>(instance: &Instance) {
    instance.failed.set(true);
    if let (Some(planned), Life::Alive) = (instance.planned, instance.life.get()) {
        schedule_again::<P>(planned, Deaths::note);
    }
}

/// Notes that a server is to be launched again, if and when its plan says so. What has happened `note` says of its deaths. Inside `critical`.
pub fn schedule_again<P: Platform>(planned: usize, note: fn(&mut Deaths, u64, Restart) -> Return) {
    // SAFETY: inside `critical`.
    let system = unsafe { tables::<P>() };
    let server = &system.plan.servers[planned];
    let now_ns = P::now_ns();
    match note(&mut system.deaths[planned], now_ns, server.restart) {
        Return::Now => system.come_back(planned, now_ns),
        Return::At(at_ns) => {
            system.come_back(planned, at_ns);
            // Nobody may be in a call that would bring it back then.
            wake_attendant::<P>();
            let pause_ms = (at_ns - now_ns) / 1_000_000;
            P::log(Level::Warning, &server.name, format_args!("comes back in {pause_ms} ms"));
        }
        Return::Never if server.restart.times == 0 => (),
        Return::Never => {
            P::log(Level::Error, &server.name, format_args!("stays dead: it has died too often"));
        }
    }
}

/// Lets the thread look that brings servers back whose pause is over, if there is one yet. Inside `critical`.
pub fn wake_attendant<P: Platform>() {
    // SAFETY: inside `critical`.
    if let Some(attendant) = unsafe { tables::<P>() }.attendant {
        P::wake(attendant);
    }
}

/// Fails every call that would return into a dead instance, with all that is called and waited for on its behalf, and every thread that is inside
/// one. Inside `alone`.
fn cut_threads_off<P: Platform>() {
    let running = running_thread::<P>();
    P::threads(&mut |thread| {
        let dead = |frame: *const Frame| {
            // SAFETY: frames below the first free one are initialised.
            let object = unsafe { (*frame).object };
            // SAFETY: a frame's object is valid while the frame is there.
            let instance = unsafe { reference::instance_of(object) };
            Some(instance).filter(|instance| !instance.is_alive())
        };
        let mut lowest = None;
        let mut frame = thread.frames;
        // SAFETY: the first free frame lies behind the bottom frame.
        let newest = unsafe { thread.frame.sub(1) };
        while frame < newest {
            let caller = frame;
            // SAFETY: the next frame is the newest or below it.
            frame = unsafe { frame.add(1) };
            if let Some(instance) = dead(caller) {
                lowest = lowest.or(Some(caller));
                // SAFETY: the frame is in use, and its thread does not run or is this one.
                unsafe { (*caller).lock = &raw const NO_LOCK };
                if instance.shares_space() {
                    // SAFETY: as above, and the caller's frame is below.
                    let slot = unsafe { stub::return_slot(frame) };
                    // SAFETY: it is the frame's own, or lies where the caller's stub left it.
                    unsafe { *slot = stub::dead_return() };
                } else {
                    // SAFETY: as above.
                    P::forget_caller(unsafe { &mut *frame });
                }
            }
        }
        if let Some(lowest) = lowest {
            P::end_calls_above(thread.token, lowest);
        }
        if thread.token != running && dead(newest).is_some() {
            // SAFETY: as above.
            unsafe { (*newest).lock = &raw const NO_LOCK };
            P::cut_off(thread.token);
        }
    });
}

/// Takes back what dead instances held that no frame needs any more, their memory included; `true` if there
/// was one. Outside of `critical`.
///
/// An instance is needed while a call that it made is under way: the call's buffers lie in its memory,
/// and what it passed on, and the callee itself, may be held by its references alone.
pub fn bury<P: Platform>() -> bool {
    // SAFETY: inside `critical`.
    if P::critical(|| unsafe { tables::<P>() }.unburied == 0) {
        return false;
    }
    P::alone(|| {
        let mut any = false;
        for instance in every_instance::<P>() {
            if instance.life.get() == Life::Dead && !is_needed::<P>(instance) {
                instance.life.set(Life::Buried);
                instance.memory_bytes.set(0);
                take_references_back::<P>(instance);
                bury_objects::<P>(instance);
                P::remove_region(instance.base);
                // SAFETY: inside `critical`.
                unsafe { tables::<P>() }.unburied -= 1;
                any = true;
            }
        }
        any
    })
}

/// All instances, while nothing is borrowed from the tables. Inside `critical`.
fn every_instance<P: Platform>() -> impl Iterator<Item = &'static Instance> {
    // SAFETY: inside `critical`, and the borrow ends at once.
    (0..).map_while(|index| unsafe { tables::<P>() }.instance(index))
}

/// Whether any thread goes on in a frame that names the instance as a callee. Inside `alone`.
///
/// The newest frame of the thread that runs is not asked: its call has ended, or it is native code's.
fn is_needed<P: Platform>(instance: &Instance) -> bool {
    let running = running_thread::<P>();
    let mut needed = false;
    P::threads(&mut |thread| {
        let newest = thread.frame.wrapping_sub(1);
        let end = if thread.token == running { newest } else { thread.frame };
        let mut frame = thread.frames;
        while frame < end {
            // SAFETY: frames below the first free one are initialised.
            let object = unsafe { (*frame).object };
            // SAFETY: a frame's object is valid while the frame is there.
            let callee = unsafe { reference::instance_of(object) };
            needed |= core::ptr::eq(callee, instance);
            // SAFETY: the next frame is in the array or its end.
            frame = unsafe { frame.add(1) };
        }
    });
    needed
}
