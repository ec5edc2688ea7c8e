//! Servers that run as they would in a system, under an engine of a few lines.
#![expect(unsafe_code, reason = "the engine defines symbols, and reads and calls by address")]

#[macro_use]
mod engine;
mod arguments;
mod concurrent;
mod contexts;
mod description;
mod mapping;
mod references;
mod storage;
