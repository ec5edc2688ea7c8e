//! The binary contract between a server file and the system that runs it.
//!
//! Three parties read these pages and must agree to the bit: the macros and the model, which
//! a server is compiled with; the engine, which decodes, checks and binds server files; and the
//! platforms, whose assembly moves calls between domains. Nothing here does anything: it is
//! layouts, numbers and names.
//!
//! | module | what it fixes |
//! | --- | --- |
//! | [`call`] | registers of a service call, its result, the numbers of errors |
//! | [`signature`] | what a function passes, as text in a symbol's name |
//! | [`description`] | the `.warren` section: what a file provides, requires and claims |
//! | [`server`] | the exported table through which the loader finds constructor and entries |
//! | [`system`] | the imports that every server may use besides service calls |
#![no_std]

pub mod call;
pub mod description;
pub mod server;
pub mod signature;
pub mod system;

/// Version of this contract. A file built for another version is refused.
pub const VERSION: u16 = 1;
