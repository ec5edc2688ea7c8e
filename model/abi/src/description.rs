//! The `.warren` section: what a file provides, requires and claims.
//!
//! The section starts with [`MAGIC`] and the version (u16), and goes on with records until its
//! end: a tag (u8), the payload's length (u16), the payload. All numbers are little-endian. The
//! macros build it at compile time with [`Builder`]; the engine reads it with [`records`] and
//! trusts none of it.
//!
//! | tag | payload |
//! | --- | --- |
//! | `N` | name of the server, UTF-8 |
//! | `D` | one line that says what it is, UTF-8 |
//! | `P` | a service it provides: id u32, flags u8 ([`ATOMIC`]), name |
//! | `L` | a local server: id u32, flags u8, name of its service |
//! | `F` | a function of the `P`, `L` or `R` before it, in order: `name` `(` signature `)` |
//! | `R` | a requirement: id u32, flags u8 ([`ATOMIC`], [`OPTIONAL`]), field name, `:`, service name |
//! | `M` | a parameter that the server accepts: its name |
//! | `A` | attributes: flags u32 ([`CONCURRENT`], [`SURVIVES_PANICS`], [`COUNTS_OUTPUT`]), stack bytes u32, state bytes u32, state alignment u32 |

/// First bytes of the section.
pub const MAGIC: [u8; 4] = *b"WRN\x01";

/// Service flag: calls keep the caller's lock.
pub const ATOMIC: u8 = 1;
/// Requirement flag: may stay unconnected.
pub const OPTIONAL: u8 = 2;
/// Server flag: the server is thread-safe and is entered without a lock.
pub const CONCURRENT: u32 = 1;
/// Server flag: a panic ends the activation that it happens in, and not the server.
pub const SURVIVES_PANICS: u32 = 2;
/// Server flag: the server says of a buffer that is only written how much of it was, where it is asked to by
/// [`COUNTED`](crate::call::COUNTED).
pub const COUNTS_OUTPUT: u32 = 4;

/// Tags of the records.
pub mod tag {
    /// Name of the server.
    pub const NAME: u8 = b'N';
    /// One line that says what the server is.
    pub const SUMMARY: u8 = b'D';
    /// A service that the root provides.
    pub const PROVIDES: u8 = b'P';
    /// A local server.
    pub const LOCAL: u8 = b'L';
    /// A function of the service before.
    pub const FUNCTION: u8 = b'F';
    /// A requirement.
    pub const REQUIRES: u8 = b'R';
    /// A parameter that the server accepts.
    pub const PARAMETER: u8 = b'M';
    /// Attributes and sizes.
    pub const ATTRIBUTES: u8 = b'A';
}

/// Name of the section.
pub const SECTION: &str = ".warren";

/// A section under construction, at compile time. A buffer that is too small fails the build.
pub struct Builder<const CAPACITY: usize> {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl<const CAPACITY: usize> Builder<CAPACITY> {
    /// Magic and version.
    pub const fn new() -> Self {
        let builder = Builder { bytes: [0; CAPACITY], length: 0 };
        builder.raw(&MAGIC).raw(&crate::VERSION.to_le_bytes())
    }

    /// `N`, `D` or `M`: a record that is just text.
    pub const fn text(self, tag: u8, text: &str) -> Self {
        self.head(tag, text.len()).raw(text.as_bytes())
    }

    /// `P` or `L`: a service with its functions, each a name and a signature.
    pub const fn service(
        self,
        tag: u8,
        id: u32,
        flags: u8,
        name: &str,
        functions: &[(&str, &str)],
    ) -> Self {
        self.head(tag, 5 + name.len())
            .raw(&id.to_le_bytes())
            .raw(&[flags])
            .raw(name.as_bytes())
            .functions(functions)
    }

    /// `R`: a requirement with the functions of its service.
    pub const fn requirement(
        self,
        id: u32,
        flags: u8,
        field: &str,
        name: &str,
        functions: &[(&str, &str)],
    ) -> Self {
        self.head(tag::REQUIRES, 6 + field.len() + name.len())
            .raw(&id.to_le_bytes())
            .raw(&[flags])
            .raw(field.as_bytes())
            .raw(b":")
            .raw(name.as_bytes())
            .functions(functions)
    }

    /// `A`.
    pub const fn attributes(self, flags: u32, stack: u32, state: usize, alignment: usize) -> Self {
        self.head(tag::ATTRIBUTES, 16)
            .raw(&flags.to_le_bytes())
            .raw(&stack.to_le_bytes())
            .raw(&(state as u32).to_le_bytes())
            .raw(&(alignment as u32).to_le_bytes())
    }

    /// Bytes so far.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// What was built so far.
    pub const fn bytes(&self) -> &[u8] {
        self.bytes.split_at(self.length).0
    }

    /// The finished section, cut to its length `N`, which is [`Builder::length`].
    pub const fn finish<const N: usize>(self) -> [u8; N] {
        assert!(N == self.length, "the description's length is not the builder's");
        let mut out = [0; N];
        let mut at = 0;
        while at < N {
            out[at] = self.bytes[at];
            at += 1;
        }
        out
    }

    const fn functions(mut self, functions: &[(&str, &str)]) -> Self {
        let mut at = 0;
        while at < functions.len() {
            let (name, signature) = functions[at];
            self = self
                .head(tag::FUNCTION, name.len() + signature.len() + 2)
                .raw(name.as_bytes())
                .raw(b"(")
                .raw(signature.as_bytes())
                .raw(b")");
            at += 1;
        }
        self
    }

    const fn head(self, tag: u8, length: usize) -> Self {
        assert!(length <= u16::MAX as usize, "a record of the description is too long");
        self.raw(&[tag]).raw(&(length as u16).to_le_bytes())
    }

    const fn raw(mut self, bytes: &[u8]) -> Self {
        let mut at = 0;
        while at < bytes.len() {
            self.bytes[self.length] = bytes[at];
            self.length += 1;
            at += 1;
        }
        self
    }
}

impl<const CAPACITY: usize> Default for Builder<CAPACITY> {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a section cannot be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It does not start with the magic.
    Magic,
    /// It is of another version of the contract.
    Version(u16),
    /// A record runs past the end; the offset of its tag.
    Truncated(usize),
}

/// One record: its tag and its payload.
pub type Record<'a> = (u8, &'a [u8]);

/// The records of a section, after magic and version have been checked.
pub fn records(
    section: &[u8],
) -> Result<impl Iterator<Item = Result<Record<'_>, Malformed>>, Malformed> {
    let body = section.strip_prefix(&MAGIC).ok_or(Malformed::Magic)?;
    let (version, body) = body.split_first_chunk().ok_or(Malformed::Truncated(MAGIC.len()))?;
    let version = u16::from_le_bytes(*version);
    if version != crate::VERSION {
        return Err(Malformed::Version(version));
    }
    let mut rest = body;
    Ok(core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let offset = section.len() - rest.len();
        let Some((record, tail)) = take(rest) else {
            rest = &[];
            return Some(Err(Malformed::Truncated(offset)));
        };
        rest = tail;
        Some(Ok(record))
    }))
}

/// The first record and what follows it.
fn take(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<3>()?;
    let length = u16::from_le_bytes([head[1], head[2]]);
    let (payload, tail) = rest.split_at_checked(length.into())?;
    Some(((head[0], payload), tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_builder_writes_the_reader_reads() {
        const FUNCTIONS: &[(&str, &str)] = &[("now", "_w")];
        const fn build() -> Builder<256> {
            Builder::new()
                .text(tag::NAME, "demo")
                .service(tag::PROVIDES, 7, ATOMIC, "Clock", FUNCTIONS)
                .attributes(CONCURRENT, 4096, 16, 8)
        }
        const BYTES: [u8; build().length()] = build().finish();
        let read: Vec<_> = records(&BYTES).unwrap().map(Result::unwrap).collect();
        assert_eq!(read[0], (tag::NAME, &b"demo"[..]));
        assert_eq!(read[1], (tag::PROVIDES, &b"\x07\0\0\0\x01Clock"[..]));
        assert_eq!(read[2], (tag::FUNCTION, &b"now(_w)"[..]));
        assert_eq!(read[3].1.len(), 16);
    }

    #[test]
    fn a_record_that_runs_past_the_end_is_named() {
        let bytes = [&MAGIC[..], &[1, 0, tag::NAME, 9, 0, b'x']].concat();
        let read: Vec<_> = records(&bytes).unwrap().collect();
        assert_eq!(read, [Err(Malformed::Truncated(6))]);
    }

    extern crate std;
    use std::vec::Vec;
}
