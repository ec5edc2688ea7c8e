//! Which part of a call an address belongs to.
//!
//! Assembly of the kernel and of stubs marks its parts in a section that is not loaded, [`SECTION`]: see
//! `engine/src/part.rs`. Everything else goes by the function, or the label in assembly, that it lies behind.

use elf::{ElfBytes, endian::LittleEndian};

use crate::failure::{Failure, Outcome};

/// Bytes of an instance's region, and so the alignment of one.
const REGION_BYTES: u64 = 1 << 30;
/// Where the kernel's half begins.
const KERNEL: u64 = 1 << 63;

/// The section with the marks.
const SECTION: &str = ".debug_parts";
/// The code that a stub for a caller in the kernel is a copy of, if its call releases the caller's lock and answers a value.
const TEMPLATE: &str = "warren_call";
/// What code behind a server's image is.
const STUB: &str = "stub";
/// What the benchmark's own code is called.
const CALLER: &str = "caller, with the loop";

/// Where parts begin.
#[derive(Debug, Default)]
pub struct Places {
    /// Where parts, functions and labels of the kernel begin, by addresses.
    kernel: Vec<(u64, String)>,
    /// Where the template of stubs lies.
    template: Option<u64>,
    /// The stub that is a copy of it.
    copy: Option<u64>,
    /// Servers, where each is loaded, and its functions.
    servers: Vec<Server>,
}

#[derive(Debug)]
struct Server {
    name: String,
    base: u64,
    functions: Vec<(u64, String)>,
}

impl Places {
    /// Adds the kernel's functions and marked parts.
    pub fn add_kernel(&mut self, file: &[u8]) -> Outcome {
        let elf = parse(file)?;
        let mut marks = functions(&elf)?;
        self.template = marks.iter().find(|mark| mark.name == TEMPLATE).map(|mark| mark.address);
        marks.extend(parts(&elf)?);
        self.kernel = without_labels_in_parts(marks);
        Ok(())
    }

    /// Adds a server that is loaded at `base`.
    pub fn add_server(&mut self, name: &str, base: u64, file: &[u8]) -> Outcome {
        let elf = parse(file)?;
        let named = functions(&elf)?.into_iter().map(|mark| (mark.address, mark.name));
        let mut functions: Vec<_> = named.collect();
        let end = elf.segments().into_iter().flatten().map(|one| one.p_vaddr + one.p_memsz).max();
        functions.push((end.unwrap_or(0), STUB.into()));
        functions.sort_by_key(|function| function.0);
        self.servers.push(Server { name: name.into(), base, functions });
        Ok(())
    }

    /// Address of a function of the kernel.
    pub fn address_in_kernel(&self, function: &str) -> Option<u64> {
        self.kernel.iter().find(|(_, name)| name == function).map(|(address, _)| *address)
    }

    /// The server that the address belongs to, or the kernel, and what is there.
    pub fn whose(&self, address: u64) -> (&str, &str) {
        const KERNEL_NAME: &str = "kernel";
        if address >= KERNEL {
            return (KERNEL_NAME, last(&self.kernel, address).unwrap_or_default());
        }
        let server =
            self.servers.iter().find(|one| address / REGION_BYTES == one.base / REGION_BYTES);
        match server {
            Some(server) => {
                let function = last(&server.functions, address - server.base);
                (&server.name, function.unwrap_or_default())
            }
            None => (KERNEL_NAME, "trampolines of domains"),
        }
    }

    /// Address of a server's function.
    pub fn address_of(&self, server: &str, function: &str) -> Option<u64> {
        let server = self.servers.iter().find(|one| one.name == server)?;
        let found = server.functions.iter().find(|(_, name)| name == function)?;
        Some(server.base + found.0)
    }

    /// Says that the first stub of the round is a copy of the kernel's template, as stubs for callers in the kernel are.
    pub fn stub_is_copy(&mut self, round: &[u64]) {
        self.copy = round.iter().copied().find(|address| self.part(*address) == STUB);
    }

    /// Whether the address is in the benchmark's own code.
    pub fn is_caller(&self, address: u64) -> bool {
        self.part(address).starts_with(CALLER)
    }

    /// The part of a stub. That of a caller in a domain of its own is a system call and nothing more.
    fn part_of_stub(&self, address: u64) -> String {
        let part = || last(&self.kernel, self.template? + address.checked_sub(self.copy?)?);
        part().map_or(STUB.into(), |part| format!("{STUB}: {part}"))
    }

    /// The part that the address belongs to.
    pub fn part(&self, address: u64) -> String {
        if address >= KERNEL {
            let part = last(&self.kernel, address);
            return part.map_or("kernel".into(), |part| format!("kernel: {part}"));
        }
        let server =
            self.servers.iter().find(|one| address / REGION_BYTES == one.base / REGION_BYTES);
        let Some(server) = server else { return "trampoline of the callee's domain".into() };
        match last(&server.functions, address - server.base) {
            Some(STUB) => self.part_of_stub(address),
            Some(function) if server.name.starts_with("benchmark-") => {
                format!("{CALLER}: {function}")
            }
            Some(function) => format!("callee: {function}"),
            None => server.name.clone(),
        }
    }
}

/// Where something begins.
#[derive(Clone, Debug, PartialEq)]
struct Mark {
    address: u64,
    kind: Kind,
    name: String,
}

/// What begins there. Of two at one address the later kind counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Function,
    Label,
    Part,
}

/// Labels in a marked part do not end it; functions do.
fn without_labels_in_parts(mut marks: Vec<Mark>) -> Vec<(u64, String)> {
    marks.sort_by_key(|mark| (mark.address, mark.kind));
    let mut in_part = false;
    marks.retain(|mark| {
        in_part = match mark.kind {
            Kind::Function => false,
            Kind::Label => in_part,
            Kind::Part => true,
        };
        !(in_part && mark.kind == Kind::Label)
    });
    marks.into_iter().map(|mark| (mark.address, mark.name)).collect()
}

/// Address of a label of the kernel's, also of one inside of a part.
pub fn label_in_kernel(file: &[u8], label: &str) -> Outcome<Option<u64>> {
    let marks = functions(&parse(file)?)?;
    Ok(marks.iter().find(|mark| mark.name == label).map(|mark| mark.address))
}

/// The last mark at or before the address.
fn last(marks: &[(u64, String)], address: u64) -> Option<&str> {
    let behind = marks.partition_point(|mark| mark.0 <= address);
    marks.get(behind.checked_sub(1)?).map(|mark| mark.1.as_str())
}

fn parse(file: &[u8]) -> Outcome<ElfBytes<'_, LittleEndian>> {
    ElfBytes::minimal_parse(file).map_err(|_| broken())
}

fn broken() -> Failure {
    Failure::new("a file of the kernel or of a server is no ELF file")
}

/// Functions, and labels in assembly.
fn functions(elf: &ElfBytes<'_, LittleEndian>) -> Outcome<Vec<Mark>> {
    let Some((symbols, names)) = elf.symbol_table().map_err(|_| broken())? else {
        return Ok(Vec::new());
    };
    let mark = |symbol: elf::symbol::Symbol| {
        let kind = match symbol.st_symtype() {
            elf::abi::STT_FUNC => Kind::Function,
            elf::abi::STT_NOTYPE => Kind::Label,
            _ => return None,
        };
        // Names in capitals are the linker script's: bounds of sections.
        let is_of_code = |name: &&str| name.chars().any(|letter| letter.is_ascii_lowercase());
        let name = names.get(symbol.st_name as usize).ok().filter(is_of_code)?;
        let name = format!("{:#}", rustc_demangle::demangle(name));
        Some(Mark { address: symbol.st_value, kind, name })
    };
    Ok(symbols.iter().filter(|symbol| symbol.st_value != 0).filter_map(mark).collect())
}

/// The parts that assembly marks.
fn parts(elf: &ElfBytes<'_, LittleEndian>) -> Outcome<Vec<Mark>> {
    let Some(section) = elf.section_header_by_name(SECTION).map_err(|_| broken())? else {
        return Ok(Vec::new());
    };
    let (bytes, _) = elf.section_data(&section).map_err(|_| broken())?;
    Ok(marks(bytes))
}

/// The marks of a section: each an address and a name that ends with a zero.
fn marks(mut bytes: &[u8]) -> Vec<Mark> {
    let mut found = Vec::new();
    while let Some((address, rest)) = bytes.split_first_chunk() {
        let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        found.push(Mark { address: u64::from_le_bytes(*address), kind: Kind::Part, name });
        bytes = rest.get(end + 1..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let mark = |address: u64, name: &str| (address, String::from(name));
        let base = REGION_BYTES * 8;
        Places {
            kernel: vec![mark(KERNEL, "call_entry"), mark(KERNEL + 8, "call_fast")],
            template: Some(KERNEL + 8),
            copy: None,
            servers: vec![Server {
                name: "echo-own".into(),
                base,
                functions: vec![mark(16, "nothing"), mark(4096, "stub")],
            }],
        }
    }

    #[test]
    fn code_of_the_kernel_is_behind_a_label() {
        assert_eq!(places().part(KERNEL + 7), "kernel: call_entry");
        assert_eq!(places().part(KERNEL + 8), "kernel: call_fast");
    }

    #[test]
    fn code_of_a_server_is_its_function_or_a_stub() {
        let base = REGION_BYTES * 8;
        assert_eq!(places().part(base + 17), "callee: nothing");
        assert_eq!(places().part(base + 5000), "stub");
        assert_eq!(places().part(base * 2), "trampoline of the callee's domain");
        assert_eq!(places().address_of("echo-own", "nothing"), Some(base + 16));
    }

    #[test]
    fn a_stub_that_is_a_copy_has_the_parts_of_its_template() {
        let mut places = places();
        let stub = REGION_BYTES * 8 + 5000;
        places.stub_is_copy(&[REGION_BYTES * 8 + 16, stub, stub + 4]);
        assert_eq!(places.part(stub + 4), "stub: call_fast");
    }

    #[test]
    fn labels_in_a_part_do_not_end_it() {
        let mark = |address, kind, name: &str| Mark { address, kind, name: name.into() };
        let marks = vec![
            mark(1, Kind::Label, "call_entry"),
            mark(5, Kind::Label, "inside"),
            mark(9, Kind::Function, "rust"),
            mark(10, Kind::Label, "memcpy"),
            mark(1, Kind::Part, "entry"),
        ];
        let names: Vec<_> =
            without_labels_in_parts(marks).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["call_entry", "entry", "rust", "memcpy"]);
    }

    #[test]
    fn marks_are_addresses_and_names() {
        let mut bytes = 5_u64.to_le_bytes().to_vec();
        bytes.extend(b"lock\0");
        bytes.extend(9_u64.to_le_bytes());
        bytes.extend(b"stack\0");
        let found: Vec<_> =
            marks(&bytes).into_iter().map(|mark| (mark.address, mark.name)).collect();
        assert_eq!(found, [(5, "lock".into()), (9, "stack".into())]);
    }
}
