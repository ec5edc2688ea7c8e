//! Taking the `.warren` section apart.
//!
//! Names end up in logs and on terminals, so they are letters, digits and a few marks; nothing in a
//! file can play tricks with either.

use alloc::{string::String, vec::Vec};
use core::fmt;

use warren_abi::description::{
    self, ATOMIC, CONCURRENT, COUNTS_OUTPUT, OPTIONAL, SURVIVES_PANICS, records, tag,
};

use super::{FileError, Function, Mismatch, Refusal, Service, SignatureText, limits};

/// What a file says about its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Name of the server.
    pub name: String,
    /// One line that says what it is; may be empty.
    pub summary: String,
    /// Services that the root provides. Index n is kind n.
    pub provides: Vec<Service>,
    /// Services of the local servers; their kinds follow those of `provides`.
    pub locals: Vec<Service>,
    /// What it requires, in the order of the table that it finds under `wsys.required`.
    pub requirements: Vec<Requirement>,
    /// Names of the parameters that it accepts.
    pub parameters: Vec<String>,
    /// Whether the server is thread-safe and is entered without a lock.
    pub concurrent: bool,
    /// Whether a panic ends the activation that it happens in, and not the server.
    pub survives_panics: bool,
    /// Whether it says how much it wrote of a buffer, if it is asked to.
    pub counts_output: bool,
    /// Bytes of stack that a call into it needs.
    pub stack_bytes: u32,
    /// Bytes of its root state.
    pub state_bytes: u32,
    /// Alignment of its root state, a power of two of at most a page.
    pub state_alignment: u32,
}

/// A service that a server requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The server's name for it.
    pub field: String,
    /// Whether it may stay unconnected.
    pub optional: bool,
    /// The service.
    pub service: Service,
}

/// What is wrong with a description, or with one record of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DescriptionFault {
    /// The section does not start with the magic, or is cut off.
    Framing,
    /// The file was built for another version of the contract.
    Version(u16),
    /// A record's tag is none that this version has.
    Tag(u8),
    /// A record is shorter or longer than its tag says.
    Length,
    /// A record sets a flag that means nothing.
    Flags,
    /// A text is not UTF-8, or is no name: letters, digits, `_`, `-`, `.`, at most `NAME_BYTES`.
    Name,
    /// A function is not of the form `name(signature)`.
    Function,
    /// A function follows no service.
    NoService,
    /// A record that may come once came twice.
    Twice,
    /// There is no record with the server's name, or none with its attributes.
    Missing(u8),
    /// There are more services, functions, requirements or parameters than a file may have.
    TooMany,
    /// State or stack are larger than the system allows, or the alignment is no power of two.
    Sizes,
    /// Two services of the file have the same ID and differ.
    Conflict {
        /// The ID.
        service: u32,
        /// How they differ.
        mismatch: Mismatch,
    },
}

impl fmt::Display for DescriptionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DescriptionFault::Framing => write!(f, "it is cut off or not a description at all"),
            DescriptionFault::Version(version) => write!(
                f,
                "it has version {version}, this system knows {}: build the server again",
                warren_abi::VERSION
            ),
            DescriptionFault::Tag(tag) => {
                write!(f, "there is no kind of record `{}`", tag.escape_ascii())
            }
            DescriptionFault::Length => write!(f, "the record has the wrong length"),
            DescriptionFault::Flags => write!(f, "the record sets flags that mean nothing"),
            DescriptionFault::Name => write!(
                f,
                "the record holds text that is no name: at most {} letters, digits, `_`, `-`, `.`",
                limits::NAME_BYTES
            ),
            DescriptionFault::Function => write!(f, "the record is not `name(signature)`"),
            DescriptionFault::NoService => write!(f, "a function stands before any service"),
            DescriptionFault::Twice => write!(f, "the record says again what was said before"),
            DescriptionFault::Missing(tag) => {
                write!(f, "there is no record `{}`", tag.escape_ascii())
            }
            DescriptionFault::TooMany => write!(f, "there are too many records of this kind"),
            DescriptionFault::Sizes => write!(
                f,
                "at most {} bytes of state, aligned to at most a page, and {} of stack are allowed",
                limits::STATE_BYTES,
                limits::STACK_BYTES
            ),
            DescriptionFault::Conflict { service, mismatch } => write!(
                f,
                "service {service:08x} is described twice and differs: {mismatch}; \
                 a changed service needs a new ID"
            ),
        }
    }
}

impl Description {
    /// Takes a section apart and checks it.
    pub fn parse(section: &[u8]) -> Result<Self, Refusal> {
        let whole = |fault| Refusal::from(FileError::Description { record: None, fault });
        let mut reader = Reader::default();
        for (index, record) in records(section).map_err(|error| whole(error.into()))?.enumerate() {
            let (tag, payload) = record.map_err(|error| whole(error.into()))?;
            reader
                .record(tag, payload)
                .map_err(|fault| FileError::Description { record: Some(index), fault })?;
        }
        reader.finish().map_err(whole)
    }

    /// All services that the description says something about.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        let required = self.requirements.iter().map(|requirement| &requirement.service);
        self.provides.iter().chain(&self.locals).chain(required)
    }

    /// The kinds of object that the server can be: what its root provides, then its local servers.
    pub fn kinds(&self) -> impl ExactSizeIterator<Item = &Service> {
        (0..self.provides.len() + self.locals.len()).map(|index| {
            match index.checked_sub(self.provides.len()) {
                None => &self.provides[index],
                Some(local) => &self.locals[local],
            }
        })
    }
}

impl From<description::Malformed> for DescriptionFault {
    fn from(error: description::Malformed) -> Self {
        match error {
            description::Malformed::Version(version) => DescriptionFault::Version(version),
            _ => DescriptionFault::Framing,
        }
    }
}

type Step = Result<(), DescriptionFault>;

/// The description as far as it has been read.
#[derive(Default)]
struct Reader {
    name: Option<String>,
    summary: Option<String>,
    provides: Vec<Service>,
    locals: Vec<Service>,
    requirements: Vec<Requirement>,
    parameters: Vec<String>,
    attributes: Option<[u32; 4]>,
    /// Tag of the service that functions belong to.
    last: Option<u8>,
}

impl Reader {
    fn record(&mut self, tag: u8, payload: &[u8]) -> Step {
        match tag {
            tag::NAME => once(&mut self.name, name(payload)?),
            tag::SUMMARY => once(&mut self.summary, summary(payload)?),
            tag::PROVIDES | tag::LOCAL => self.service(tag, payload),
            tag::FUNCTION => self.function(payload),
            tag::REQUIRES => self.requirement(payload),
            tag::PARAMETER => self.parameter(payload),
            tag::ATTRIBUTES => once(&mut self.attributes, attributes(payload)?),
            other => Err(DescriptionFault::Tag(other)),
        }
    }

    fn service(&mut self, tag: u8, payload: &[u8]) -> Step {
        let (id, flags, text) = head(payload)?;
        if flags & !ATOMIC != 0 {
            return Err(DescriptionFault::Flags);
        }
        if self.provides.len() + self.locals.len() >= limits::KINDS {
            return Err(DescriptionFault::TooMany);
        }
        let service = service(id, flags, text)?;
        self.last = Some(tag);
        if tag == tag::LOCAL {
            self.locals.push(service);
        } else if self.provides.iter().any(|known| known.id == id) {
            return Err(DescriptionFault::Twice);
        } else {
            self.provides.push(service);
        }
        Ok(())
    }

    fn requirement(&mut self, payload: &[u8]) -> Step {
        let (id, flags, text) = head(payload)?;
        if flags & !(ATOMIC | OPTIONAL) != 0 {
            return Err(DescriptionFault::Flags);
        }
        if self.requirements.len() >= limits::REQUIREMENTS {
            return Err(DescriptionFault::TooMany);
        }
        let colon = text.iter().position(|byte| *byte == b':').ok_or(DescriptionFault::Name)?;
        let field = name(&text[..colon])?;
        if self.requirements.iter().any(|known| known.field == field) {
            return Err(DescriptionFault::Twice);
        }
        let service = service(id, flags, &text[colon + 1..])?;
        self.last = Some(tag::REQUIRES);
        self.requirements.push(Requirement { field, optional: flags & OPTIONAL != 0, service });
        Ok(())
    }

    fn function(&mut self, payload: &[u8]) -> Step {
        let service = match self.last {
            Some(tag::PROVIDES) => self.provides.last_mut(),
            Some(tag::LOCAL) => self.locals.last_mut(),
            _ => self.requirements.last_mut().map(|requirement| &mut requirement.service),
        };
        let service = service.ok_or(DescriptionFault::NoService)?;
        if service.functions.len() >= limits::FUNCTIONS {
            return Err(DescriptionFault::TooMany);
        }
        service.functions.push(function(payload)?);
        Ok(())
    }

    fn parameter(&mut self, payload: &[u8]) -> Step {
        let name = name(payload)?;
        if self.parameters.len() >= limits::PARAMETERS {
            return Err(DescriptionFault::TooMany);
        }
        if self.parameters.contains(&name) {
            return Err(DescriptionFault::Twice);
        }
        self.parameters.push(name);
        Ok(())
    }

    fn finish(self) -> Result<Description, DescriptionFault> {
        let attributes = self.attributes.ok_or(DescriptionFault::Missing(tag::ATTRIBUTES))?;
        let [flags, stack_bytes, state_bytes, state_alignment] = attributes;
        // The root is entered as its first service.
        if self.provides.is_empty() {
            return Err(DescriptionFault::Missing(tag::PROVIDES));
        }
        let description = Description {
            name: self.name.ok_or(DescriptionFault::Missing(tag::NAME))?,
            summary: self.summary.unwrap_or_default(),
            provides: self.provides,
            locals: self.locals,
            requirements: self.requirements,
            parameters: self.parameters,
            concurrent: flags & CONCURRENT != 0,
            survives_panics: flags & SURVIVES_PANICS != 0,
            counts_output: flags & COUNTS_OUTPUT != 0,
            stack_bytes,
            state_bytes,
            state_alignment,
        };
        one_meaning_per_id(&description)?;
        Ok(description)
    }
}

/// Services that the file mentions several times, as required and as handed out for example, must
/// be the same each time.
fn one_meaning_per_id(description: &Description) -> Step {
    for (count, service) in description.services().enumerate() {
        if let Some(first) = description.services().take(count).find(|first| first.id == service.id)
        {
            first
                .agrees(service)
                .map_err(|mismatch| DescriptionFault::Conflict { service: service.id, mismatch })?;
        }
    }
    Ok(())
}

fn once<T>(place: &mut Option<T>, value: T) -> Step {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(DescriptionFault::Twice),
    }
}

/// ID and flags, and the text that follows.
fn head(payload: &[u8]) -> Result<(u32, u8, &[u8]), DescriptionFault> {
    let (id, rest) = payload.split_first_chunk().ok_or(DescriptionFault::Length)?;
    let (flags, text) = rest.split_first().ok_or(DescriptionFault::Length)?;
    Ok((u32::from_le_bytes(*id), *flags, text))
}

fn service(id: u32, flags: u8, text: &[u8]) -> Result<Service, DescriptionFault> {
    // ID 0 marks a free entry in the table of objects.
    if id == 0 {
        return Err(DescriptionFault::Name);
    }
    let atomic = flags & ATOMIC != 0;
    Ok(Service { id, name: name(text)?, atomic, functions: Vec::new() })
}

fn function(payload: &[u8]) -> Result<Function, DescriptionFault> {
    let text = core::str::from_utf8(payload).map_err(|_| DescriptionFault::Function)?;
    let (before, rest) = text.split_once('(').ok_or(DescriptionFault::Function)?;
    let signature = rest.strip_suffix(')').ok_or(DescriptionFault::Function)?;
    let signature = SignatureText::parse(signature).map_err(|_| DescriptionFault::Function)?;
    Ok(Function { name: name(before.as_bytes())?, signature })
}

fn name(bytes: &[u8]) -> Result<String, DescriptionFault> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    if bytes.is_empty() || bytes.len() > limits::NAME_BYTES || !bytes.iter().all(allowed) {
        return Err(DescriptionFault::Name);
    }
    Ok(String::from(core::str::from_utf8(bytes).map_err(|_| DescriptionFault::Name)?))
}

fn summary(bytes: &[u8]) -> Result<String, DescriptionFault> {
    let text = core::str::from_utf8(bytes).map_err(|_| DescriptionFault::Name)?;
    if text.len() > limits::SUMMARY_BYTES || text.chars().any(char::is_control) {
        return Err(DescriptionFault::Name);
    }
    Ok(text.into())
}

fn attributes(payload: &[u8]) -> Result<[u32; 4], DescriptionFault> {
    let (words, rest) = payload.as_chunks::<4>();
    let words: &[[u8; 4]; 4] = words.try_into().map_err(|_| DescriptionFault::Length)?;
    if !rest.is_empty() {
        return Err(DescriptionFault::Length);
    }
    let words = words.map(u32::from_le_bytes);
    let [flags, stack_bytes, state_bytes, alignment] = words;
    if flags & !(CONCURRENT | SURVIVES_PANICS | COUNTS_OUTPUT) != 0 {
        return Err(DescriptionFault::Flags);
    }
    let aligned = alignment.is_power_of_two() && u64::from(alignment) <= crate::space::PAGE;
    if !aligned || u64::from(state_bytes) > limits::STATE_BYTES || stack_bytes > limits::STACK_BYTES
    {
        return Err(DescriptionFault::Sizes);
    }
    Ok(words)
}
