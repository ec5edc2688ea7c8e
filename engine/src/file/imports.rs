//! What a file asks of the system: its undefined symbols, and nothing else.

use alloc::{string::ToString, vec::Vec};

use elf::abi;
use warren_abi::{signature::Call, system};

use super::{Description, FileError, OutgoingCall, Refusal, container::Container, limits};

/// Something that the system puts into the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Import {
    /// Code that makes the outgoing call with this index in [`super::ServerFile::calls`].
    Call(usize),
    /// Code of the system function with this index in [`system::FUNCTIONS`].
    Function(usize),
    /// Address of the table of required references.
    Required,
    /// Address of the root state.
    State,
    /// Address of the heap.
    Heap,
}

/// The undefined symbols of a file, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Imports {
    pub(super) calls: Vec<OutgoingCall>,
    /// All that are no calls, sorted.
    pub(super) system: Vec<Import>,
    /// For each dynamic symbol what it stands for; `None` for defined ones.
    pub(super) by_symbol: Vec<Option<Import>>,
}

/// Understands the undefined symbols and refuses those that mean nothing.
pub(super) fn read(file: &Container<'_>, description: &Description) -> Result<Imports, Refusal> {
    let symbols = file.dynamic_symbols()?;
    let mut imports = Imports::default();
    for (index, symbol) in symbols.iter().enumerate() {
        let undefined = index > 0 && symbol.st_shndx == abi::SHN_UNDEF;
        let import = if undefined {
            let name = symbols.name(&symbol).ok_or(FileError::SymbolName(index))?;
            Some(imports.import(name, description)?)
        } else {
            None
        };
        imports.by_symbol.push(import);
    }
    check_calls(&imports.calls)?;
    Ok(imports)
}

impl Imports {
    fn import(&mut self, name: &str, description: &Description) -> Result<Import, Refusal> {
        if let Some(import) = system_import(name) {
            if let Err(place) = self.system.binary_search(&import) {
                self.system.insert(place, import);
            }
            return Ok(import);
        }
        if !name.starts_with("wcall.") && !name.starts_with("wcalla.") {
            return Err(FileError::Undefined(name.to_string()).into());
        }
        let call = Call::parse(name)
            .filter(|call| call.service != 0 && usize::from(call.index) < limits::FUNCTIONS)
            .map(OutgoingCall::from)
            .ok_or_else(|| FileError::MalformedCall(name.to_string()))?;
        if let Some(service) = description.services().find(|known| known.id == call.service) {
            call.agrees(service)
                .map_err(|mismatch| FileError::Call { symbol: name.to_string(), mismatch })?;
        }
        self.calls.push(call);
        Ok(Import::Call(self.calls.len() - 1))
    }
}

fn system_import(name: &str) -> Option<Import> {
    match name {
        system::REQUIRED => Some(Import::Required),
        system::STATE => Some(Import::State),
        system::HEAP => Some(Import::Heap),
        _ => system::FUNCTIONS.iter().position(|known| *known == name).map(Import::Function),
    }
}

/// Two calls of the same function of the same service must be the same call.
fn check_calls(calls: &[OutgoingCall]) -> Result<(), Refusal> {
    // The first call of each function, in order. There are few, so that inserting is as good as sorting.
    let mut firsts: Vec<&OutgoingCall> = Vec::new();
    for call in calls {
        let key = (call.service, call.index);
        match firsts.binary_search_by_key(&key, |first| (first.service, first.index)) {
            Err(place) => firsts.insert(place, call),
            Ok(place) => firsts[place]
                .agrees_with_call(call)
                .map_err(|mismatch| FileError::Call { symbol: firsts[place].symbol(), mismatch })?,
        }
    }
    Ok(())
}
