//! Going up the stack, one function after the other.
#![expect(unsafe_code, reason = "callers' registers lie on the stack")]

use core::ops::Range;

use crate::{
    frames,
    pads::{self, Met},
    rows::{self, At, REGISTERS},
};

/// DWARF's numbers of the registers that a function leaves as they were.
const RBX: usize = 3;
const RBP: usize = 6;
const RSP: usize = 7;
const R12: usize = 12;
/// DWARF's number of the return address.
const RIP: usize = 16;

/// The registers that a function leaves as they were, at a call that it has made.
///
/// G1: `rsp` is what it is when the call returns, `rip` is where the call returns to.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Saved by callees.
    pub rbx: u64,
    /// Saved by callees.
    pub rbp: u64,
    /// r12 to r15, saved by callees.
    pub r12: [u64; 4],
    /// The stack pointer.
    pub rsp: u64,
    /// The return address.
    pub rip: u64,
}

/// Tables and text of a server.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// Addresses of the text.
    pub text: Range<usize>,
    /// The section `.eh_frame`.
    pub frames: &'a [u8],
    /// The section `.gcc_except_table`.
    pub pads: &'a [u8],
}

/// Where the way out of an activation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// In a function, by code that runs destructors and resumes the way.
    Pad(Registers),
    /// Outside of the text: the entry has been left.
    Out(Registers),
}

/// One function on the way: what a panic meets there, and the registers at the call of it.
struct Level {
    met: Met,
    pushed: u64,
    caller: Registers,
}

impl Registers {
    /// The value of a register, by DWARF's number, if it is one of these.
    fn get(&self, number: usize) -> Option<u64> {
        match number {
            RBX => Some(self.rbx),
            RBP => Some(self.rbp),
            RSP => Some(self.rsp),
            _ => self.r12.get(number.checked_sub(R12)?).copied(),
        }
    }

    /// The registers at the call of the function that these are in.
    ///
    /// # Safety
    ///
    /// G1, and `row` is the row of the function at that call.
    unsafe fn of_caller(&self, row: &rows::Row) -> Option<Registers> {
        let frame = self.get(row.base)?.checked_add_signed(row.offset)?;
        let saved = |number: usize, now: u64| match row.saved.get(number).copied().flatten() {
            None => now,
            Some(distance) => {
                let place = frame.wrapping_add_signed(distance.into());
                // SAFETY: the function has saved the register there, as its row says.
                unsafe { core::ptr::with_exposed_provenance::<u64>(place as usize).read() }
            }
        };
        // A function that does not save where it returns to does not return.
        row.saved[RIP]?;
        Some(Registers {
            rbx: saved(RBX, self.rbx),
            rbp: saved(RBP, self.rbp),
            r12: core::array::from_fn(|index| saved(R12 + index, self.r12[index])),
            rsp: frame,
            rip: saved(RIP, 0),
        })
    }
}

const _: () = assert!(RIP < REGISTERS);

impl Image<'_> {
    /// Whether a panic can leave the activation: each function on the way lets it through.
    ///
    /// # Safety
    ///
    /// G1, in an activation of the server whose image this is.
    pub unsafe fn lets_through(&self, mut registers: Registers) -> bool {
        while self.holds(&registers) {
            // SAFETY: as promised by the caller, and then for each caller's registers.
            match unsafe { self.level(&registers) } {
                None | Some(Level { met: Met::Wall, .. }) => return false,
                Some(level) => registers = level.caller,
            }
        }
        true
    }

    /// Goes up to the next code that runs destructors, or out. `None` if the panic is not let through.
    ///
    /// # Safety
    ///
    /// G1, in an activation of the server whose image this is.
    pub unsafe fn next(&self, mut registers: Registers) -> Option<Landing> {
        while self.holds(&registers) {
            // SAFETY: as promised by the caller, and then for each caller's registers.
            let level = unsafe { self.level(&registers) }?;
            match level.met {
                Met::Wall => return None,
                Met::Nothing => registers = level.caller,
                Met::Pad(pad) => {
                    let rsp = registers.rsp.checked_add(level.pushed)?;
                    return Some(Landing::Pad(Registers { rip: pad as u64, rsp, ..registers }));
                }
            }
        }
        Some(Landing::Out(registers))
    }

    /// Whether the call is one of this text. It may be the last thing in it.
    fn holds(&self, registers: &Registers) -> bool {
        self.text.contains(&call(registers))
    }

    /// Understands the function that has made a call.
    ///
    /// # Safety
    ///
    /// G1, in an activation of the server whose image this is.
    unsafe fn level(&self, registers: &Registers) -> Option<Level> {
        let address = call(registers);
        let function = frames::find(self.frames, address)?;
        let At { row, pushed } = rows::row(&function, address)?;
        let met = match function.pads {
            0 => Met::Nothing,
            table => pads::meet(self.pads, table, function.start, address),
        };
        // SAFETY: the row is the function's at its call, and the registers are as promised by the caller.
        let caller = unsafe { registers.of_caller(&row) }?;
        Some(Level { met, pushed, caller })
    }
}

/// An address inside the call instruction.
fn call(registers: &Registers) -> usize {
    (registers.rip as usize).wrapping_sub(1)
}
