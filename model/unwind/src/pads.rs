//! Landing pads: the code of a function that runs destructors when something that it called panics.
//!
//! Each function that has any has a table of its calls in `.gcc_except_table` (Itanium C++ ABI, "Exception
//! handling tables"). A call with a pad is left by way of it, a call without is just left. A call that is not in
//! the table lets no panic through, and neither does one whose pad is a handler: that is how Rust's compiler
//! ends a program whose destructor panics.

use crate::reader::{OMITTED, Reader};

/// What a panic meets at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Nothing.
    Nothing,
    /// Code that runs destructors and then goes on, at this address.
    Pad(usize),
    /// It is not let through.
    Wall,
}

/// What a panic out of the call at `address` meets, in a function that starts at `start` and whose table is
/// at `table`. What is not understood is a wall.
pub fn meet(section: &[u8], table: usize, start: usize, address: usize) -> Met {
    let offset = address.wrapping_sub(start);
    find(section, table, start, offset).unwrap_or(Met::Wall)
}

fn find(section: &[u8], table: usize, start: usize, offset: usize) -> Option<Met> {
    let mut table = Reader::at(section, table)?;
    let base = match table.byte()? {
        OMITTED => start,
        encoding => table.pointer(encoding)?,
    };
    if table.byte()? != OMITTED {
        // Distance to the table of types, of which Rust has none that matters.
        table.unsigned()?;
    }
    let encoding = table.byte()?;
    let bytes = table.unsigned()?;
    let mut calls = table.split(usize::try_from(bytes).ok()?)?;
    let actions = table;
    while !calls.is_empty() {
        let from = calls.value(encoding)?;
        let length = calls.value(encoding)?;
        let pad = calls.value(encoding)?;
        let action = calls.unsigned()?;
        if offset < from {
            // The calls are sorted.
            break;
        }
        if offset - from < length {
            return match (pad, action) {
                (0, _) => Some(Met::Nothing),
                (pad, 0) => Some(Met::Pad(base.wrapping_add(pad))),
                (pad, action) => handled(actions, action).map(|handled| match handled {
                    true => Met::Wall,
                    false => Met::Pad(base.wrapping_add(pad)),
                }),
            };
        }
    }
    None
}

/// Whether the pad is a handler. Actions are counted from 1; the first number of one says for which type it
/// is, 0 being none.
fn handled(mut actions: Reader<'_>, action: u64) -> Option<bool> {
    actions.split(usize::try_from(action.checked_sub(1)?).ok()?)?;
    actions.signed().map(|kind| kind != 0)
}
