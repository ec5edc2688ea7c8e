//! Which part of a call an address belongs to: the function, or the label in the kernel's assembly, that it lies behind.

use elf::{ElfBytes, endian::LittleEndian};

use crate::failure::{Failure, Outcome};

/// Bytes of an instance's region, and so the alignment of one.
const REGION_BYTES: u64 = 1 << 30;
/// Where the kernel's half begins.
const KERNEL: u64 = 1 << 63;

/// What the benchmark's own code is called.
const CALLER: &str = "caller, with the loop";

/// Where parts begin.
#[derive(Debug, Default)]
pub struct Places {
    /// The kernel's functions and labels, by addresses.
    kernel: Vec<(u64, String)>,
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
    /// Adds the kernel's functions.
    pub fn add_kernel(&mut self, file: &[u8]) -> Outcome {
        self.kernel = functions(&parse(file)?)?;
        self.kernel.sort_by_key(|function| function.0);
        Ok(())
    }

    /// Adds a server that is loaded at `base`.
    pub fn add_server(&mut self, name: &str, base: u64, file: &[u8]) -> Outcome {
        let elf = parse(file)?;
        let mut functions = functions(&elf)?;
        let end = elf.segments().into_iter().flatten().map(|one| one.p_vaddr + one.p_memsz).max();
        functions.push((end.unwrap_or(0), "stub".into()));
        functions.sort_by_key(|function| function.0);
        self.servers.push(Server { name: name.into(), base, functions });
        Ok(())
    }

    /// Address of a server's function.
    pub fn address_of(&self, server: &str, function: &str) -> Option<u64> {
        let server = self.servers.iter().find(|one| one.name == server)?;
        let found = server.functions.iter().find(|(_, name)| name == function)?;
        Some(server.base + found.0)
    }

    /// Whether the address is in the benchmark's own code.
    pub fn is_caller(&self, address: u64) -> bool {
        self.part(address).starts_with(CALLER)
    }

    /// The part that the address belongs to.
    pub fn part(&self, address: u64) -> String {
        if address >= KERNEL {
            let function = last(&self.kernel, address);
            return function.map_or("kernel".into(), |function| format!("kernel: {function}"));
        }
        let server =
            self.servers.iter().find(|one| address / REGION_BYTES == one.base / REGION_BYTES);
        let Some(server) = server else { return "trampoline of the callee's domain".into() };
        match last(&server.functions, address - server.base) {
            Some("stub") => "stub".into(),
            Some(function) if server.name.starts_with("benchmark-") => {
                format!("{CALLER}: {function}")
            }
            Some(function) => format!("callee: {function}"),
            None => server.name.clone(),
        }
    }
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

/// Names of functions and of labels in assembly.
fn functions(elf: &ElfBytes<'_, LittleEndian>) -> Outcome<Vec<(u64, String)>> {
    let Some((symbols, names)) = elf.symbol_table().map_err(|_| broken())? else {
        return Ok(Vec::new());
    };
    let code = [elf::abi::STT_FUNC, elf::abi::STT_NOTYPE];
    let named = symbols.iter().filter(|one| code.contains(&one.st_symtype()) && one.st_value != 0);
    let function = |symbol: elf::symbol::Symbol| {
        let name = names.get(symbol.st_name as usize).ok().filter(|name| !name.is_empty())?;
        Some((symbol.st_value, format!("{:#}", rustc_demangle::demangle(name))))
    };
    Ok(named.filter_map(function).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let mark = |address: u64, name: &str| (address, String::from(name));
        let base = REGION_BYTES * 8;
        Places {
            kernel: vec![mark(KERNEL, "call_entry"), mark(KERNEL + 8, "call_fast")],
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
}
