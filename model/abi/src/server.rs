//! The exported table through which the loader finds constructor, destructor and entries.
//!
//! The table lies in the file's relocated read-only data under the symbol [`SYMBOL`]. The loader
//! copies it at load time; nothing is read from it afterwards. Every address in it is checked to
//! lie in the file's own text or data, and is only ever *called* in the server's placement.

use core::ffi::c_void;

/// Name of the exported [`Descriptor`].
pub const SYMBOL: &str = "warren_server";

/// How the loader reaches the code of a server.
#[repr(C)]
pub struct Descriptor {
    /// [`crate::VERSION`].
    pub version: u64,
    /// `fn(state) -> Ret`: builds the root state in place. The server's lock is held. Its failure may be a
    /// [`crate::call::Ret::refusal`].
    pub construct: *const c_void,
    /// `fn(state) -> Ret`: the `start` hook, called once after construction, with references to
    /// the server possible. Null if there is none. It fails like the constructor.
    pub start: *const c_void,
    /// `fn(state) -> Ret`: drops the root state in place.
    pub destruct: *const c_void,
    /// The kinds of object that the server can be: first those that its root state provides, in the
    /// order of `provides` in the description, then its local servers in the order of `locals`.
    pub kinds: *const Kind,
    /// Entries of `kinds`.
    pub kind_count: u64,
}

/// One kind of object: a service that the root provides, or a local server.
#[repr(C)]
pub struct Kind {
    /// ID of the service.
    pub service: u64,
    /// `extern "C"` entry of each function, in the order of the service.
    pub entries: *const *const c_void,
    /// Number of entries.
    pub entry_count: u64,
    /// `fn(state)`: drops a local server's state and frees its memory. Null for the root's kinds.
    pub drop: *const c_void,
}

// SAFETY: a descriptor is immutable read-only data; its pointers are only read by the loader.
#[expect(unsafe_code, reason = "a table of addresses must be a static")]
unsafe impl Sync for Descriptor {}
// SAFETY: as for `Descriptor`.
#[expect(unsafe_code, reason = "a table of addresses must be a static")]
unsafe impl Sync for Kind {}
