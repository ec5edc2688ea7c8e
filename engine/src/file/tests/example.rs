//! A server file made by hand, so that a test can get any part of it wrong.
//!
//! Three pages are loaded: tables for the loader, text, relocated data. In the file they lie at
//! their addresses; what is not loaded follows.

use alloc::{string::String, vec, vec::Vec};

use elf::abi;
use warren_abi::{
    VERSION,
    description::{ATOMIC, Builder, MAGIC, OPTIONAL, records, tag},
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
pub const DESCRIPTOR: usize = 5;

const fn builder() -> Builder<512> {
    Builder::new()
        .text(tag::NAME, "demo")
        .text(tag::SUMMARY, "A server that shows everything")
        .service(tag::PROVIDES, CLOCK, ATOMIC, "Clock", &[("now_ns", "_w")])
        .service(tag::LOCAL, FILE, 0, "File", &[("read", "wo_w"), ("bytes", "_w")])
        .requirement(CONSOLE, OPTIONAL, "console", "Console", &[("read", "o_w"), ("write", "i_n")])
        .text(tag::PARAMETER, "greeting")
        .attributes(0, 8192, 24, 8)
}

/// The records of the example's description, with the numbers that tests know them by.
pub fn description() -> Vec<(u8, Vec<u8>)> {
    const BYTES: [u8; builder().length()] = builder().finish();
    let read = records(&BYTES).unwrap();
    read.map(|record| record.map(|(tag, payload)| (tag, payload.to_vec())).unwrap()).collect()
}

/// Section header, as it stands in a file.
#[derive(Clone)]
pub struct Section {
    pub name: &'static str,
    pub kind: u32,
    pub flags: u32,
    pub address: u64,
    pub offset: u64,
    pub size: u64,
    pub link: u32,
}

/// Program header, as it stands in a file.
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
    pub kind: u8,
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
    pub version: u16,
    pub description: Vec<(u8, Vec<u8>)>,
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

pub fn segment(kind: u32, flags: u32, address: u64, bytes: u64) -> Segment {
    Segment { kind, flags, address, file_bytes: bytes, memory_bytes: bytes }
}

pub fn undefined(name: &str) -> Symbol {
    Symbol { name: name.into(), kind: 0, section: 0, value: 0, size: 0 }
}

pub fn object(name: &str, value: u64, size: u64) -> Symbol {
    Symbol { name: name.into(), kind: abi::STT_OBJECT, section: 1, value, size }
}

impl Example {
    pub fn new() -> Self {
        let mut symbols: Vec<Symbol> = IMPORTS.iter().map(|name| undefined(name)).collect();
        symbols.push(object("warren_server", DATA, 48));
        let mut example = Example {
            machine: abi::EM_X86_64,
            kind: abi::ET_DYN,
            version: VERSION,
            description: description(),
            text: vec![0xc3; 0x100],
            data: vec![0; 0x200],
            dynamic: Vec::new(),
            symbols,
            locals: Vec::new(),
            relocations: Vec::new(),
            segments: vec![
                segment(abi::PT_LOAD, abi::PF_R, 0, 0x400),
                segment(abi::PT_LOAD, abi::PF_R | abi::PF_X, TEXT, 0x100),
                segment(abi::PT_LOAD, abi::PF_R | abi::PF_W, DATA, 0x200),
                segment(abi::PT_GNU_RELRO, abi::PF_R, DATA, 0x1000),
            ],
            sections: Vec::new(),
        };
        example.describe();
        example.import();
        example
    }

    /// Descriptor, kinds, tables of entries.
    fn describe(&mut self) {
        self.word(DATA, VERSION.into());
        self.pointer(DATA + 8, TEXT);
        self.pointer(DATA + 24, TEXT + 0x20);
        self.pointer(DATA + 32, KINDS);
        self.word(DATA + 40, 2);
        self.kind(0, CLOCK, &[0x30], 0);
        self.kind(1, FILE, &[0x40, 0x50], 0x60);
    }

    fn kind(&mut self, index: u64, service: u32, entries: &[u64], drop: u64) {
        let at = KINDS + 32 * index;
        let table = DATA + 0x80 + 0x20 * index;
        self.word(at, service.into());
        self.pointer(at + 8, table);
        self.word(at + 16, entries.len() as u64);
        if drop != 0 {
            self.pointer(at + 24, TEXT + drop);
        }
        for (entry, offset) in entries.iter().enumerate() {
            self.pointer(table + 8 * entry as u64, TEXT + offset);
        }
    }

    fn import(&mut self) {
        for index in 0..IMPORTS.len() as u32 {
            let address = GOT + 8 * u64::from(index);
            self.relocations.push((address, index + 1, abi::R_X86_64_GLOB_DAT, 0));
        }
    }

    /// Writes a word of data.
    pub fn word(&mut self, address: u64, value: u64) {
        let at = (address - DATA) as usize;
        self.data[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// Makes a word of data an address in the image; 0 makes it null.
    pub fn pointer(&mut self, address: u64, to: u64) {
        self.relocations.retain(|relocation| relocation.0 != address);
        if to != 0 {
            self.relocations.push((address, 0, abi::R_X86_64_RELATIVE, to as i64));
        }
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = Layout { bytes: vec![0; 0x2000], headers: Vec::new(), names: vec![0] };
        file.bytes[TEXT as usize..][..self.text.len()].copy_from_slice(&self.text);
        file.bytes.extend(&self.data);
        let alloc = abi::SHF_ALLOC;
        file.section("", abi::SHT_NULL, 0, 0, &[]);
        file.section(".warren", abi::SHT_PROGBITS, 0, 0, &self.description_bytes());
        let (dynamic, names) = tables(&self.symbols);
        file.section(".dynstr", abi::SHT_STRTAB, alloc, 0, &names);
        file.section(".dynsym", abi::SHT_DYNSYM, alloc, 2, &dynamic);
        file.section(".rela.dyn", abi::SHT_RELA, alloc, 3, &self.relocation_bytes());
        let (locals, names) = tables(&self.locals);
        file.section(".strtab", abi::SHT_STRTAB, 0, 0, &names);
        file.section(".symtab", abi::SHT_SYMTAB, 0, 5, &locals);
        let dynamic: Vec<u8> =
            self.dynamic.iter().flat_map(|(tag, value)| words(&[*tag as u64, *value])).collect();
        file.section(".dynamic", abi::SHT_DYNAMIC, alloc | abi::SHF_WRITE, 2, &dynamic);
        for section in &self.sections {
            file.header(section);
        }
        self.finish(file)
    }

    fn description_bytes(&self) -> Vec<u8> {
        let mut bytes = [&MAGIC[..], &self.version.to_le_bytes()].concat();
        for (tag, payload) in &self.description {
            bytes.push(*tag);
            bytes.extend((payload.len() as u16).to_le_bytes());
            bytes.extend(payload);
        }
        bytes
    }

    fn relocation_bytes(&self) -> Vec<u8> {
        let entry = |(address, symbol, kind, addend): &Relocation| {
            words(&[*address, u64::from(*symbol) << 32 | u64::from(*kind), *addend as u64])
        };
        self.relocations.iter().flat_map(entry).collect()
    }

    /// Names of sections, both tables of headers, the file's header.
    fn finish(&self, mut file: Layout) -> Vec<u8> {
        let count = file.headers.len() / 64 + 1;
        let name = file.name(".shstrtab");
        let offset = file.bytes.len() as u64;
        let names = file.names.clone();
        file.bytes.extend(&names);
        file.raw_header(name, abi::SHT_STRTAB, 0, 0, offset, names.len() as u64, 0);
        let sections = file.bytes.len() as u64;
        file.bytes.extend(&file.headers);
        let mut header = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        header.extend(self.kind.to_le_bytes());
        header.extend(self.machine.to_le_bytes());
        header.extend(1u32.to_le_bytes());
        header.extend(words(&[0, 64, sections]));
        header.extend(0u32.to_le_bytes());
        for half in [64, 56, self.segments.len(), 64, count, count - 1] {
            header.extend((half as u16).to_le_bytes());
        }
        for segment in &self.segments {
            header.extend(words(&[u64::from(segment.flags) << 32 | u64::from(segment.kind)]));
            header.extend(words(&[segment.address, segment.address, segment.address]));
            header.extend(words(&[segment.file_bytes, segment.memory_bytes, 0x1000]));
        }
        file.bytes[..header.len()].copy_from_slice(&header);
        file.bytes
    }
}

/// A file under construction.
struct Layout {
    bytes: Vec<u8>,
    headers: Vec<u8>,
    names: Vec<u8>,
}

impl Layout {
    fn name(&mut self, name: &str) -> u32 {
        let at = self.names.len() as u32;
        self.names.extend(name.as_bytes());
        self.names.push(0);
        at
    }

    fn section(&mut self, name: &'static str, kind: u32, flags: u32, link: u32, contents: &[u8]) {
        let (offset, size) = (self.bytes.len() as u64, contents.len() as u64);
        self.bytes.extend(contents);
        self.header(&Section { name, kind, flags, address: 0, offset, size, link });
    }

    fn header(&mut self, section: &Section) {
        let name = self.name(section.name);
        let Section { kind, flags, address, offset, size, link, .. } = *section;
        self.raw_header(name, kind, flags, address, offset, size, link);
    }

    #[expect(clippy::too_many_arguments, reason = "a section header has this many fields")]
    fn raw_header(
        &mut self,
        name: u32,
        kind: u32,
        flags: u32,
        address: u64,
        offset: u64,
        size: u64,
        link: u32,
    ) {
        self.headers.extend(name.to_le_bytes());
        self.headers.extend(kind.to_le_bytes());
        self.headers.extend(words(&[flags.into(), address, offset, size, link.into(), 0, 0]));
    }
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A table of symbols, the empty one first, and the names.
fn tables(symbols: &[Symbol]) -> (Vec<u8>, Vec<u8>) {
    let (mut table, mut names) = (vec![0; 24], vec![0]);
    for symbol in symbols {
        table.extend((names.len() as u32).to_le_bytes());
        table.extend([0x10 | symbol.kind, 0]);
        table.extend(symbol.section.to_le_bytes());
        table.extend(words(&[symbol.value, symbol.size]));
        names.extend(symbol.name.as_bytes());
        names.push(0);
    }
    (table, names)
}
