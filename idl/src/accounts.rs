//! Who has used what.

use warren::{Cx, Flat, Out, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Why the accounts were not shown.
#[errors]
pub enum AccountsError {
    /// There is no further entry.
    End = 1,
    /// Somebody else takes samples.
    Busy = 2,
    /// Samples are not taken so often, or so seldom.
    BadInterval = 3,
}

/// The account of one principal. Its name lies in the buffer given with it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct AccountStatus {
    /// Processor time that was charged to it on all CPUs, in nanoseconds.
    pub used_ns: u64,
    /// The part of it that was lent to holders of locks for which its threads waited.
    pub helped_ns: u64,
    /// Bytes of memory that it holds.
    pub memory_bytes: u64,
    /// How many it and its children may hold; 0 for no limit.
    pub memory_limit: u64,
    /// Processor time that it is guaranteed in each period, in nanoseconds; 0 for no guarantee.
    pub slice_ns: u64,
    /// Length of the period.
    pub period_ns: u64,
    /// Threads that it has.
    pub threads: u32,
    /// How many it and its children may have; 0 for no limit.
    pub thread_limit: u32,
    /// Objects that were made for it, in all servers and by the platform, and roots of its servers.
    pub objects: u32,
    /// How many it and its children may have; 0 for no limit of its own.
    pub object_limit: u32,
    /// References that its servers keep.
    pub references: u32,
    /// How many they and those of its children may keep; 0 for no limit of its own.
    pub reference_limit: u32,
    /// The principal within whose limits it stays; its own number for the first.
    pub parent: u32,
    /// Bytes of its name.
    pub text_bytes: u32,
}

impl Flat for AccountStatus {}

/// One thread. The text parts lie in the buffer given with it: its name, `\0`, the server in which it is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ThreadStatus {
    /// Processor time that it has run, in nanoseconds.
    pub used_ns: u64,
    /// As its scheduler calls it.
    pub context: u64,
    /// Its number in the list: ask for the next one with one more.
    pub index: u32,
    /// Who pays for it.
    pub principal: u32,
    /// [`ThreadStatus::READY`], [`ThreadStatus::LENDING`] or [`ThreadStatus::BLOCKED`].
    pub state: u32,
    /// How many calls deep it is.
    pub depth: u32,
    /// Bytes of the text.
    pub text_bytes: u32,
    /// The number of the CPU on which it runs, or ran last.
    pub cpu: u32,
}

impl ThreadStatus {
    /// `state` of one that runs, or would if it were its turn.
    pub const READY: u32 = 1;
    /// `state` of one that lends its time to another.
    pub const LENDING: u32 = 2;
    /// `state` of one that waits for something.
    pub const BLOCKED: u32 = 3;
}

impl Flat for ThreadStatus {}

/// Time since the system started, on all CPUs together.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct SystemTime {
    /// Nanoseconds in which a CPU could have run something.
    pub elapsed_ns: u64,
    /// Nanoseconds in which it did not. With what all principals have used it is the elapsed time.
    pub idle_ns: u64,
}

impl Flat for SystemTime {}

/// How often a thread was found in a server while somebody paid. The server's name lies in the buffer given with it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct SampleStatus {
    /// Its number in the list: ask for the next one with one more.
    pub index: u32,
    /// Who paid.
    pub principal: u32,
    /// How often.
    pub samples: u32,
    /// Bytes of the name.
    pub text_bytes: u32,
}

impl Flat for SampleStatus {}

/// Samples of who runs in which server. They are taken as long as this is there, and cost nothing else.
#[service(id = 0xacc0_0002)]
pub trait Sampling {
    /// The first entry whose number is at least `index`; [`AccountsError::End`] after the last.
    fn entry(
        cx: &mut Cx<'_, Self>,
        index: u32,
        text: Out<'_>,
    ) -> Result<SampleStatus, AccountsError>;
}

/// The system's books.
#[service(id = 0xacc0_0001)]
pub trait Accounts {
    /// The account of principal `principal`; [`AccountsError::End`] after the last.
    fn account(
        cx: &mut Cx<'_, Self>,
        principal: u32,
        text: Out<'_>,
    ) -> Result<AccountStatus, AccountsError>;
    /// The first thread whose number in the list is at least `index`; [`AccountsError::End`] after the last.
    fn thread(
        cx: &mut Cx<'_, Self>,
        index: u32,
        text: Out<'_>,
    ) -> Result<ThreadStatus, AccountsError>;
    /// Takes samples each so many nanoseconds, from 20 microseconds to a second, on each CPU that runs a thread, until the result is dropped. [`AccountsError::Busy`] if
    /// they are taken for somebody else already.
    fn sampling<'f>(
        cx: &mut Cx<'f, Self>,
        interval_ns: u64,
    ) -> Result<Ref<'f, dyn Sampling>, AccountsError>;
    /// How much time there was.
    fn time(cx: &mut Cx<'_, Self>) -> Result<SystemTime, AccountsError>;
}
