//! Why a server file is refused: where, and what to do about it.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use super::{DescriptionFault, Mismatch, limits};

/// A [`FileError`] on its way to the caller: a word, so that the ways on which nothing is wrong stay short.
pub type Refusal = Box<FileError>;

/// Why a server file is refused. The message of each says the place and the remedy.
///
/// Addresses are offsets from the start of the image, as `objdump` shows them. Symbols are given
/// as they stand in the file; the tool demangles them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The file is larger than [`limits::FILE_BYTES`].
    TooLarge(usize),
    /// The file is not a 64-bit little-endian ELF file, or its headers run past its end.
    NotElf,
    /// The file is an ELF file, but not a shared object for x86-64.
    WrongKind,
    /// A section that every server file has is missing.
    NoSection(&'static str),
    /// A section's contents run past the end of the file, or its place in the table of sections does.
    SectionBounds(String),
    /// The name of a dynamic symbol is not printable ASCII that ends within its table.
    SymbolName(usize),
    /// More of something than [`limits`] allows.
    TooMany(&'static str),

    /// A segment lies outside of the file, or is longer there than in memory.
    SegmentBounds(u64),
    /// The image ends beyond [`limits::IMAGE_BYTES`].
    ImageTooLarge(u64),
    /// Two segments share a page, or are not in the order of their addresses.
    SegmentOrder(u64),
    /// A segment can be both written and executed.
    WritableText(u64),
    /// The file has a writable segment, and none that becomes read-only after relocation.
    NoRelro,
    /// The file has writable globals.
    WritableData {
        /// The section that they lie in.
        section: String,
        /// Their symbols, if the file still has them.
        symbols: Vec<String>,
    },
    /// The file has thread-local variables.
    ThreadLocal(Vec<String>),

    /// The file needs a library.
    Library(String),
    /// The file has code that wants to run when it is loaded, or unloaded.
    Initializers,
    /// The file has an undefined symbol that is no import of the contract.
    Undefined(String),
    /// The file has an undefined symbol that looks like a service call and is none.
    MalformedCall(String),
    /// A call does not fit the service as the file describes it, or another call of the same function.
    Call {
        /// The call's symbol.
        symbol: String,
        /// How they differ: the call, and the description or the other call.
        mismatch: Mismatch,
    },

    /// Relocations in a form that is not supported; the section.
    RelocationForm(String),
    /// A relocation of a type that is not supported.
    RelocationType {
        /// Where it writes.
        address: u64,
        /// Its type.
        kind: u32,
    },
    /// A relocation changes text or constants.
    TextRelocation {
        /// Where it writes.
        address: u64,
        /// The symbol that holds the place, if known.
        symbol: Option<String>,
    },
    /// A relocation writes where nothing is.
    RelocationTarget(u64),
    /// A relocation refers to a symbol that does not exist, or not to a place in the image.
    RelocationSymbol(u64),

    /// The description is wrong: as a whole, or in a record, counted from 0.
    Description {
        /// The record.
        record: Option<usize>,
        /// What is wrong.
        fault: DescriptionFault,
    },
    /// The file exports no `warren_server`.
    NoDescriptor,
    /// The descriptor, or a table that it names, does not lie in the file's data.
    DescriptorBounds(&'static str),
    /// The descriptor is of another version of the contract.
    DescriptorVersion(u64),
    /// A function's address in the descriptor does not lie in the file's text.
    NotText {
        /// Which field of the descriptor.
        field: &'static str,
        /// The kind of object, or 0.
        kind: usize,
        /// The entry, or 0.
        entry: usize,
        /// What stands there, in an image that was relocated to region 0.
        pointer: u64,
    },
    /// Descriptor and description do not agree.
    Disagreement {
        /// The kind of object that they disagree about; `None` for the number of kinds.
        kind: Option<usize>,
        /// What they give differently.
        field: &'static str,
        /// What the descriptor has.
        descriptor: u64,
        /// What the description has.
        description: u64,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::TooLarge(bytes) => write!(
                f,
                "the file has {bytes} bytes, {} are allowed: strip debugging information",
                limits::FILE_BYTES
            ),
            FileError::NotElf => {
                write!(
                    f,
                    "not a complete 64-bit little-endian ELF file: build it with `./warren build`"
                )
            }
            FileError::WrongKind => {
                write!(f, "not a shared object for x86-64: build it with `./warren build`")
            }
            FileError::NoSection(name) => write!(
                f,
                "section `{name}` is missing: link the server with the script and do not strip sections"
            ),
            FileError::SectionBounds(name) => {
                write!(f, "section `{name}` runs past the end of the file: the file is damaged")
            }
            FileError::SymbolName(index) => {
                write!(f, "dynamic symbol {index} has no readable name: the file is damaged")
            }
            FileError::TooMany(what) => write!(f, "the file has too many {what}"),
            _ => self.fmt_image(f),
        }
    }
}

impl FileError {
    /// Segments and symbols.
    fn fmt_image(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::SegmentBounds(at) => {
                write!(f, "the segment at {at:#x} lies outside of the file: the file is damaged")
            }
            FileError::ImageTooLarge(end) => write!(
                f,
                "the image ends at {end:#x}, beyond {:#x}: make the server smaller",
                limits::IMAGE_BYTES
            ),
            FileError::SegmentOrder(at) => write!(
                f,
                "the segment at {at:#x} shares a page with the one before it, or lies below it: \
                 link with `-z separate-code -z max-page-size=4096`"
            ),
            FileError::WritableText(at) => {
                write!(f, "the segment at {at:#x} can be both written and executed")
            }
            FileError::NoRelro => {
                write!(f, "no data is protected after relocation: link with `-z relro -z now`")
            }
            FileError::WritableData { section, symbols } => {
                write!(f, "writable globals in section `{section}`")?;
                list(f, symbols)?;
                write!(f, ": move them into the server's state")
            }
            FileError::ThreadLocal(symbols) => {
                write!(f, "thread-local variables")?;
                list(f, symbols)?;
                write!(f, ": move them into the server's state")
            }
            FileError::Library(name) => {
                write!(f, "the file needs the library `{name}`: link with `-nostdlib`")
            }
            FileError::Initializers => write!(
                f,
                "the file has code that runs when it is loaded: link with `-nostartfiles` and \
                 leave constructors out"
            ),
            FileError::Undefined(symbol) => write!(
                f,
                "undefined symbol `{symbol}` is neither a service call nor a system function: \
                 link what defines it into the file, or do without it"
            ),
            FileError::MalformedCall(symbol) => {
                write!(
                    f,
                    "undefined symbol `{symbol}` is no service call: build with this version's macros"
                )
            }
            FileError::Call { symbol, mismatch } => write!(
                f,
                "`{symbol}` calls another version of the service than the file describes: {mismatch}"
            ),
            _ => self.fmt_tables(f),
        }
    }

    /// Relocations, description, descriptor.
    fn fmt_tables(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::RelocationForm(section) => write!(
                f,
                "relocations in `{section}` have an unknown form: link with `-z nopack-relative-relocs`"
            ),
            FileError::RelocationType { address, kind } => write!(
                f,
                "the relocation at {address:#x} has type {kind}; known are 64 (1), GLOB_DAT (6), \
                 JUMP_SLOT (7) and RELATIVE (8): compile with `-fPIC`"
            ),
            FileError::TextRelocation { address, symbol } => {
                write!(f, "a relocation changes text or constants at {address:#x}")?;
                if let Some(symbol) = symbol {
                    write!(f, ", in `{symbol}`")?;
                }
                write!(f, ": compile with `-fPIC` and link with `-z text`")
            }
            FileError::RelocationTarget(address) => {
                write!(
                    f,
                    "a relocation writes at {address:#x}, where nothing is: the file is damaged"
                )
            }
            FileError::RelocationSymbol(address) => write!(
                f,
                "the relocation at {address:#x} refers to no symbol of the image: the file is damaged"
            ),
            FileError::Description { record: None, fault } => {
                write!(f, "the description (section `.warren`): {fault}")
            }
            FileError::Description { record: Some(record), fault } => {
                write!(f, "the description (section `.warren`), record {record}: {fault}")
            }
            FileError::NoDescriptor => write!(
                f,
                "the file does not export `{}`: mark the server with `#[server]`",
                warren_abi::server::SYMBOL
            ),
            _ => self.fmt_descriptor(f),
        }
    }

    fn fmt_descriptor(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::DescriptorBounds(field) => {
                write!(f, "the descriptor's {field} lies outside of the file's data")
            }
            FileError::DescriptorVersion(version) => write!(
                f,
                "the descriptor has version {version}, this system knows {}: build the server again",
                warren_abi::VERSION
            ),
            FileError::NotText { field, kind, entry, pointer } => write!(
                f,
                "the descriptor's {field} (kind {kind}, entry {entry}) is {pointer:#x}, \
                 which is not in the file's text"
            ),
            FileError::Disagreement { kind, field, descriptor, description } => {
                write!(f, "the descriptor gives {field} {descriptor:#x}")?;
                if let Some(kind) = kind {
                    write!(f, " for kind {kind}")?;
                }
                write!(f, ", the description {description:#x}: build the server again")
            }
            _ => Ok(()),
        }
    }
}

/// The symbols, or nothing if there are none.
fn list(f: &mut fmt::Formatter<'_>, symbols: &[String]) -> fmt::Result {
    for (index, symbol) in symbols.iter().enumerate() {
        write!(f, "{} `{symbol}`", if index == 0 { ":" } else { "," })?;
    }
    Ok(())
}

impl core::error::Error for FileError {}
