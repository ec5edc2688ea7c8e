//! Where a function has put its caller's registers, for each of its instructions.
//!
//! The compiler writes it as a program that changes a row from one instruction to the next (DWARF 5,
//! section 6.4). Understood is what compilers write for functions; expressions are not.

use crate::{frames::Function, reader::Reader};

/// Registers that DWARF numbers for this processor: 16, and the return address.
pub const REGISTERS: usize = 17;
/// Rows that a program may remember at the same time.
const REMEMBERED: usize = 4;

/// What is known at one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Register from which the frame is found, by DWARF's number.
    pub base: usize,
    /// Distance from its value to the frame: the address above the return address.
    pub offset: i64,
    /// Distance from the frame to where each register of the caller is saved; `None` if it still has its value.
    pub saved: [Option<i32>; REGISTERS],
}

/// A row, and bytes of arguments that are pushed at that instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The row.
    pub row: Row,
    /// The bytes.
    pub pushed: u64,
}

/// A program that runs.
struct Machine {
    at: At,
    /// Address that the row is for, and for those after it.
    location: usize,
    /// The row at the function's first instruction.
    first: Row,
    remembered: [Row; REMEMBERED],
    depth: usize,
}

/// The row for the instruction at `address`; `None` if the program is not understood.
pub fn row(function: &Function<'_>, address: usize) -> Option<At> {
    let empty = Row { base: 0, offset: 0, saved: [None; REGISTERS] };
    let mut machine = Machine {
        at: At { row: empty, pushed: 0 },
        location: function.start,
        first: empty,
        remembered: [empty; REMEMBERED],
        depth: 0,
    };
    machine.run(function, function.common.program, address)?;
    machine.first = machine.at.row;
    machine.run(function, function.program, address)?;
    Some(machine.at)
}

impl Machine {
    /// Runs a program until it moves on to a row for what comes after the address.
    fn run(
        &mut self,
        function: &Function<'_>,
        mut program: Reader<'_>,
        address: usize,
    ) -> Option<()> {
        while self.location <= address && !program.is_empty() {
            self.step(function, &mut program)?;
        }
        Some(())
    }

    fn step(&mut self, function: &Function<'_>, program: &mut Reader<'_>) -> Option<()> {
        let instruction = program.byte()?;
        let low = instruction & 0x3f;
        match instruction >> 6 {
            1 => self.advance(function, low.into()),
            2 => {
                let distance = program.unsigned()?.cast_signed();
                self.save(function, low.into(), distance)
            }
            3 => self.restore(low.into()),
            _ => self.extended(function, low, program),
        }
    }

    fn extended(
        &mut self,
        function: &Function<'_>,
        instruction: u8,
        program: &mut Reader<'_>,
    ) -> Option<()> {
        let row = &mut self.at.row;
        match instruction {
            0x00 => Some(()),
            0x02 => self.advance(function, program.byte()?.into()),
            0x03 => self.advance(function, program.half()?.into()),
            0x04 => self.advance(function, program.word()?.into()),
            0x05 => {
                let register = program.unsigned()?;
                let distance = program.unsigned()?.cast_signed();
                self.save(function, register, distance)
            }
            0x06 => self.restore(program.unsigned()?),
            0x08 => {
                *row.saved.get_mut(program.unsigned()? as usize)? = None;
                Some(())
            }
            0x0a => self.remember(),
            0x0b => self.recall(),
            0x0c => {
                row.base = program.unsigned()? as usize;
                row.offset = program.unsigned()?.cast_signed();
                Some(())
            }
            0x0d => {
                row.base = program.unsigned()? as usize;
                Some(())
            }
            0x0e => {
                row.offset = program.unsigned()?.cast_signed();
                Some(())
            }
            0x11 => {
                let register = program.unsigned()?;
                let distance = program.signed()?;
                self.save(function, register, distance)
            }
            0x2e => {
                self.at.pushed = program.unsigned()?;
                Some(())
            }
            _ => None,
        }
    }

    fn advance(&mut self, function: &Function<'_>, units: u64) -> Option<()> {
        let bytes = units.checked_mul(function.common.code_unit)?;
        self.location = self.location.checked_add(usize::try_from(bytes).ok()?)?;
        Some(())
    }

    fn save(&mut self, function: &Function<'_>, register: u64, units: i64) -> Option<()> {
        let place = i32::try_from(units.checked_mul(function.common.data_unit)?).ok()?;
        *self.at.row.saved.get_mut(usize::try_from(register).ok()?)? = Some(place);
        Some(())
    }

    fn restore(&mut self, register: u64) -> Option<()> {
        let register = usize::try_from(register).ok()?;
        *self.at.row.saved.get_mut(register)? = *self.first.saved.get(register)?;
        Some(())
    }

    fn remember(&mut self) -> Option<()> {
        *self.remembered.get_mut(self.depth)? = self.at.row;
        self.depth += 1;
        Some(())
    }

    fn recall(&mut self) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        self.at.row = *self.remembered.get(self.depth)?;
        Some(())
    }
}
