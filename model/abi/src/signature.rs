//! What a function passes, as text in the name of a symbol.
//!
//! An outgoing call is an undefined symbol
//! `wcall.<service id>.<index>.<Service>.<function>.<parameters>_<result>`, with `wcalla` in
//! place of `wcall` if the service is atomic, and the ID as 8 lower-case hexadecimal digits.
//! The list of undefined symbols therefore *is* the list of calls, and cannot drift from the code.
//!
//! | code | parameter or result | words |
//! | --- | --- | --- |
//! | `v` | a value of at most 32 bits, or a bool | 1 |
//! | `w` | a 64-bit value | 1 |
//! | `i` | buffer, read by the callee | 2 |
//! | `o` | buffer, written by the callee | 2 |
//! | `b` | buffer, read and written | 2 |
//! | `s` + size | flat structure of that many bytes, read by the callee | 1 |
//! | `t` + size | flat structure of that many bytes, written by the callee | 1 |
//! | `r` + ID | reference to an object with that service ID | 1 |
//! | `n` | (result only) nothing | 0 |
//!
//! Size and ID are decimal, without leading zeroes: a stub's symbol is completed by the assembler,
//! because only the compiler knows the size of a structure, and the assembler writes numbers so.
//!
//! A function whose Rust result is a flat structure has result `n` and a last parameter `t`.
//! Example: `wcall.f11e0002.0.FileSystem.open.i_r4045275137`.

use crate::call::{REGISTER_WORDS, STACK_WORDS};

/// One parameter or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// At most 32 bits.
    Value,
    /// 64 bits.
    Word,
    /// Buffer that the callee reads.
    In,
    /// Buffer that the callee writes.
    Out,
    /// Buffer that the callee reads and writes.
    InOut,
    /// Flat structure of this many bytes that the callee reads.
    InStruct(u16),
    /// Flat structure of this many bytes that the callee writes.
    OutStruct(u16),
    /// Reference to an object that provides the service with this ID.
    Reference(u32),
    /// No result.
    Nothing,
}

impl Part {
    /// Words that the part takes among the arguments.
    pub const fn words(self) -> usize {
        match self {
            Part::Nothing => 0,
            Part::In | Part::Out | Part::InOut => 2,
            _ => 1,
        }
    }

    /// Whether the part is memory of the caller.
    pub const fn is_memory(self) -> bool {
        matches!(self, Part::In | Part::Out | Part::InOut | Part::InStruct(_) | Part::OutStruct(_))
    }
}

/// Why a text is not a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A character that stands for no part, or digits that are missing.
    Part,
    /// No `_` before the result, or text after it.
    Result,
    /// More words than a call can carry.
    TooManyWords,
}

/// A signature as it stands in a file: `<parameters>_<result>`.
///
/// Invariant: the text was checked by [`Signature::parse`], so that iterating cannot fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signature<'a> {
    text: &'a str,
}

impl<'a> Signature<'a> {
    /// Checks a text completely.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let (parameters, result) = text.rsplit_once('_').ok_or(Malformed::Result)?;
        let mut words = 0;
        let mut rest = parameters;
        while !rest.is_empty() {
            let (part, tail) = take(rest).ok_or(Malformed::Part)?;
            if part == Part::Nothing {
                return Err(Malformed::Part);
            }
            words += part.words();
            rest = tail;
        }
        match take(result).ok_or(Malformed::Result)? {
            (Part::Nothing | Part::Value | Part::Word | Part::Reference(_), "") => (),
            _ => return Err(Malformed::Result),
        }
        if words > REGISTER_WORDS + STACK_WORDS {
            return Err(Malformed::TooManyWords);
        }
        Ok(Signature { text })
    }

    /// The text.
    pub fn text(self) -> &'a str {
        self.text
    }

    /// The parameters in order.
    pub fn parameters(self) -> impl Iterator<Item = Part> + 'a {
        let mut rest = self.text.rsplit_once('_').map_or("", |(parameters, _)| parameters);
        core::iter::from_fn(move || {
            let (part, tail) = take(rest)?;
            rest = tail;
            Some(part)
        })
    }

    /// The result: `Nothing`, `Value`, `Word` or `Reference`.
    pub fn result(self) -> Part {
        let text = self.text.rsplit_once('_').map_or("n", |(_, result)| result);
        take(text).map_or(Part::Nothing, |(part, _)| part)
    }

    /// Words that follow the reference.
    pub fn words(self) -> usize {
        self.parameters().map(Part::words).sum()
    }
}

/// One outgoing call, taken apart from its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// ID of the called service.
    pub service: u32,
    /// Index of the function in the service.
    pub index: u16,
    /// Name of the service.
    pub service_name: &'a str,
    /// Name of the function.
    pub function: &'a str,
    /// What it passes.
    pub signature: Signature<'a>,
    /// Whether the caller's lock is kept.
    pub atomic: bool,
}

impl<'a> Call<'a> {
    /// Takes a symbol apart; `None` if it is not the name of a service call.
    pub fn parse(symbol: &'a str) -> Option<Self> {
        let (prefix, rest) = symbol.split_once('.')?;
        let atomic = match prefix {
            "wcall" => false,
            "wcalla" => true,
            _ => return None,
        };
        let mut parts = rest.splitn(5, '.');
        let id = parts.next()?;
        let index = parts.next()?;
        let service_name = parts.next().filter(|name| !name.is_empty())?;
        let function = parts.next().filter(|name| !name.is_empty())?;
        let signature = Signature::parse(parts.next()?).ok()?;
        let service = (id.len() == 8).then(|| u32::from_str_radix(id, 16).ok())??;
        Some(Call {
            service,
            index: index.parse().ok()?,
            service_name,
            function,
            signature,
            atomic,
        })
    }
}

/// The first part of a text and what follows it.
fn take(text: &str) -> Option<(Part, &str)> {
    let mut characters = text.chars();
    let code = characters.next()?;
    let rest = characters.as_str();
    Some(match code {
        'v' => (Part::Value, rest),
        'w' => (Part::Word, rest),
        'i' => (Part::In, rest),
        'o' => (Part::Out, rest),
        'b' => (Part::InOut, rest),
        'n' => (Part::Nothing, rest),
        's' => number(rest).map(|(size, tail)| (Part::InStruct(size), tail))?,
        't' => number(rest).map(|(size, tail)| (Part::OutStruct(size), tail))?,
        'r' => number(rest).map(|(id, tail)| (Part::Reference(id), tail))?,
        _ => return None,
    })
}

/// The decimal number at the start of a text and what follows it; one number has one spelling.
fn number<N: core::str::FromStr>(text: &str) -> Option<(N, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, tail) = text.split_at_checked(end)?;
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().ok()?, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_taken_apart() {
        let call = Call::parse("wcall.f11e0002.0.FileSystem.open.ivs24v_r4045275137").unwrap();
        assert_eq!((call.service, call.index, call.atomic), (0xf11e_0002, 0, false));
        assert_eq!((call.service_name, call.function), ("FileSystem", "open"));
        assert!(call.signature.parameters().eq([
            Part::In,
            Part::Value,
            Part::InStruct(24),
            Part::Value
        ]));
        assert_eq!(call.signature.result(), Part::Reference(0xf11e_0001));
        assert_eq!(call.signature.words(), 5);
    }

    #[test]
    fn malformed_signatures_are_refused() {
        for text in ["", "v", "v_", "x_n", "n_n", "s_n", "s65536_n", "s012_n", "v_i", "r_n"] {
            assert!(Signature::parse(text).is_err(), "{text}");
        }
        for text in ["r4294967296_n", "s+1_n", "iiiiiii_n", "v_nn", "v_r1w"] {
            assert!(Signature::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_symbols_are_no_calls() {
        for symbol in ["memcpy", "wsys.keep", "wcall.1.0.A.b._n", "wcall.f11e0002.x.A.b._n"] {
            assert_eq!(Call::parse(symbol), None, "{symbol}");
        }
    }
}
