//! What the dynamic table may not ask for: other files, and code that runs by itself.
//!
//! Flags are not looked at: whether text is relocated is seen from the relocations.

use elf::{abi, dynamic::Dyn};

use super::{FileError, Refusal, container::Container};

/// Tag of the address of packed relative relocations.
const DT_RELR: i64 = 36;

/// Refuses a file that wants more from its loader than to be mapped and relocated.
pub(super) fn check(file: &Container<'_>) -> Result<(), Refusal> {
    let Some(table) = file.dynamic()? else {
        return Ok(());
    };
    let mut entries = table.iter().take_while(|entry| entry.d_tag != abi::DT_NULL);
    entries.try_for_each(|entry| check_entry(file, &entry))
}

fn check_entry(file: &Container<'_>, entry: &Dyn) -> Result<(), Refusal> {
    match entry.d_tag {
        abi::DT_NEEDED => Err(FileError::Library(file.dynamic_text(entry.d_val())).into()),
        abi::DT_INIT
        | abi::DT_FINI
        | abi::DT_INIT_ARRAY
        | abi::DT_FINI_ARRAY
        | abi::DT_PREINIT_ARRAY => Err(FileError::Initializers.into()),
        abi::DT_REL | DT_RELR => Err(FileError::RelocationForm(".dynamic".into()).into()),
        _ => Ok(()),
    }
}
