//! The imports that every server may use besides service calls.
//!
//! A server file's undefined symbols are exactly: service calls ([`crate::signature`]), the
//! functions of [`FUNCTIONS`], and the data symbols below. The loader binds a function to code
//! that fits the placement: a direct call where server and engine share a space, a system call
//! elsewhere. The loader binds a data symbol to an address inside the instance's own region.
//!
//! All functions are `extern "C"` and return [`crate::call::Ret`] unless they do not return.
//!
//! | function | arguments | result | meaning |
//! | --- | --- | --- | --- |
//! | `wsys.keep` | reference | reference | adds a permanent count held by the calling instance |
//! | `wsys.release` | reference | – | moves a permanent count to the activation's temporaries: it is dropped, and a destructor run, when the activation has returned and its lock is free |
//! | `wsys.pin` | reference | reference | adds a temporary count until the activation returns or the scope ends |
//! | `wsys.weak` | reference | weak word | adds a weak count; the word names the object even after its death |
//! | `wsys.upgrade` | weak word | reference | a temporary reference, or `Gone` |
//! | `wsys.unweak` | weak word | – | drops the weak count |
//! | `wsys.spawn` | kind, state address | reference | makes the state a local server of this kind (its index in [`crate::server::Descriptor::kinds`]); temporary |
//! | `wsys.this` | – | reference | the object of this activation; temporary |
//! | `wsys.root` | kind | reference | the instance's own root object that provides this kind; temporary |
//! | `wsys.scope` | – | mark | opens a nested frame of temporaries |
//! | `wsys.scope_end` | mark | – | drops what was added since the mark |
//! | `wsys.unlock` | – | – | frees the server's lock; calls stay possible, state is out of reach |
//! | `wsys.lock` | – | – | takes it again |
//! | `wsys.yield` | – | – | lets another thread run |
//! | `wsys.grow` | bytes | address | adds zeroed pages at the end of the instance's heap; `Budget` when there are none |
//! | `wsys.panic` | text address, bytes | never returns | the activation fails with `Lost` at its caller and the server dies |
//! | `wsys.panicked` | text address, bytes | – | says in the log that an activation panicked which the server leaves by itself, with `Panicked` |
//! | `wsys.deadline` | time | mark | calls of this activation fail with `Deadline` when the clock shows this many nanoseconds, and those that its callees make |
//! | `wsys.deadline_end` | mark | – | takes the deadline back, and those set since |

/// Names of the functions. The index is the system call number in domains of their own.
pub const FUNCTIONS: [&str; 19] = [
    "wsys.keep",
    "wsys.release",
    "wsys.pin",
    "wsys.weak",
    "wsys.upgrade",
    "wsys.unweak",
    "wsys.spawn",
    "wsys.this",
    "wsys.root",
    "wsys.scope",
    "wsys.scope_end",
    "wsys.unlock",
    "wsys.lock",
    "wsys.yield",
    "wsys.grow",
    "wsys.panic",
    "wsys.panicked",
    "wsys.deadline",
    "wsys.deadline_end",
];

/// Data symbol: the instance's table of required references, one word each, in the order of the
/// file's description. Read-only for the server; 0 where an optional requirement is absent.
pub const REQUIRED: &str = "wsys.required";

/// Data symbol: the instance's root state.
pub const STATE: &str = "wsys.state";

/// Data symbol: the instance's heap, which starts with [`HEAP_CONTROL_BYTES`] zeroed bytes for the
/// allocator of the server's runtime. The heap grows upwards from there by `wsys.grow`.
pub const HEAP: &str = "wsys.heap";

/// Bytes at the start of the heap that are mapped from the beginning, zeroed.
pub const HEAP_CONTROL_BYTES: usize = 4096;

/// Bytes of a page.
pub const PAGE_BYTES: u64 = 4096;

/// Bytes from the start of an instance's heap to where data spaces are mapped for it.
///
/// The model refuses to use a mapping elsewhere, so that whoever answers for the system's address space
/// cannot make a server overwrite its own state.
pub const MAPPINGS_AFTER_HEAP: u64 = 448 << 20;

/// Bytes that the mapped data spaces of an instance may take.
pub const MAPPINGS_BYTES: u64 = 512 << 20;
