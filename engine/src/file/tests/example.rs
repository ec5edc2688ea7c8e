//! A server file made by hand, so that a test can get any part of it wrong.
//!
//! Three pages are loaded: tables for the loader, text, relocated data. The sections follow.

use alloc::{string::String, vec, vec::Vec};

use elf::abi;
use warren_abi::{
    VERSION,
    description::{ATOMIC, Builder, OPTIONAL, tag},
};

pub const TEXT: u64 = 0x1000;
pub const DATA: u64 = 0x2000;
/// Address of the descriptor's table of kinds.
pub const KINDS: u64 = DATA + 48;
/// Address of the words that imports are bound to, in the order of [`IMPORTS`].
pub const GOT: u64 = DATA + 0x100;

pub const CLOCK: u32 = 0xc10c_0001;
pub const FILE: u32 = 0xf11e_0001;
pub const CONSOLE: u32 = 0xc015_0001;

/// The undefined symbols: dynamic symbols 1, 2, …
pub const IMPORTS: [&str; 4] =
    ["wcall.c0150001.1.Console.write.i_n", "wsys.spawn", "wsys.required", "wsys.heap"];
/// Index of `warren_server` in the table of dynamic symbols.
pub const DESCRIPTOR: u32 = 5;

/// Section header, as it stands in a file.
#[derive(Clone)]
pub struct Section {
    pub name: &'static str,
    pub kind: u32,
    pub flags: u32,
    pub address: u64,
    pub contents: Vec<u8>,
    pub size: u64,
    pub link: u32,
}

/// Program header, as it stands in a file; offsets are addresses here.
#[derive(Clone)]
pub struct Segment {
    pub kind: u32,
    pub flags: u32,
    pub address: u64,
    pub file_bytes: u64,
    pub memory_bytes: u64,
}

/// A symbol, dynamic or not.
#[derive(Clone)]
pub struct Symbol {
    pub name: String,
    pub info: u8,
    pub section: u16,
    pub value: u64,
    pub size: u64,
}

/// A relocation: address, symbol, type, addend.
pub type Relocation = (u64, u32, u32, i64);

/// A file that is right, until a test changes it.
#[derive(Clone)]
pub struct Example {
    pub machine: u16,
    pub kind: u16,
    pub description: Vec<u8>,
    pub text: Vec<u8>,
    pub data: Vec<u8>,
    pub dynamic: Vec<(i64, u64)>,
    pub symbols: Vec<Symbol>,
    pub locals: Vec<Symbol>,
    pub relocations: Vec<Relocation>,
    pub segments: Vec<Segment>,
    /// Sections besides those that follow from the rest.
    pub sections: Vec<Section>,
}

pub fn description() -> Builder<1024> {
    Builder::new()
        .text(tag::NAME, "demo")
        .text(tag::SUMMARY, "A server that shows everything")
        .service(tag::PROVIDES, CLOCK, ATOMIC, "Clock", &[("now_ns", "_w")])
        .service(tag::LOCAL, FILE, 0, "File", &[("read", "wo_w"), ("bytes", "_w")])
        .requirement(
            CONSOLE,
            OPTIONAL,
            "console",
            "Console",
            &[("read", "o_w"), ("write", "i_n")],
        )
        .text(tag::PARAMETER, "greeting")
        .attributes(0, 8192, 24, 8)
}

/// The section that a builder has made.
pub fn finished(builder: Builder<1024>) -> Vec<u8> {
    let length = builder.length();
    // `finish` wants the length in its type; the buffer's end is what it would cut off.
    match length {
        _ if length <= 1024 => builder_bytes(builder, length),
        _ => unreachable!("the builder would have failed"),
    }
}

pub fn segment(kind: u32, flags: u32, address: u64, bytes: usize) -> Segment {
    let bytes = bytes as u64;
    Segment { kind, flags, address, file_bytes: bytes, memory_bytes: bytes }
}

pub fn undefined(name: &str) -> Symbol {
    Symbol { name: name.into(), info: 0x10, section: 0, value: 0, size: 0 }
}

pub fn object(name: &str, value: u64, size: u64) -> Symbol {
    Symbol { name: name.into(), info: 0x11, section: 1, value, size }
}
