//! Reading a plan.
//!
//! Nothing is believed: every count is paid for by bytes that are there, so the reader allocates
//! no more than a small multiple of what it was given.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use super::{Binding, Fault, Limits, MAGIC, Placement, Plan, PlannedServer, Restart, VERSION};

/// Why bytes are not a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// They do not start with the magic: this is another file.
    Magic,
    /// The plan was written by a tool of another version: build kernel and system again.
    Version(u16),
    /// It ends in the middle of something that starts at this offset.
    Truncated(usize),
    /// The text at this offset is not UTF-8.
    Text(usize),
    /// The byte at this offset is none of the choices there.
    Choice(usize),
    /// Bytes follow the end, which is at this offset.
    Trailing(usize),
    /// The plan can be read, but makes no sense.
    Fault(Fault),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Magic => write!(f, "not a boot plan: it does not start with `WPLN`"),
            PlanError::Version(found) => write!(
                f,
                "the boot plan has version {found}, this system reads {VERSION}: build both again"
            ),
            PlanError::Truncated(at) => write!(f, "the boot plan ends in the item at offset {at}"),
            PlanError::Text(at) => write!(f, "the boot plan's text at offset {at} is not UTF-8"),
            PlanError::Choice(at) => write!(f, "the boot plan's byte at offset {at} means nothing"),
            PlanError::Trailing(at) => {
                write!(f, "the boot plan goes on after its end at offset {at}")
            }
            PlanError::Fault(fault) => write!(f, "the boot plan makes no sense: {fault}"),
        }
    }
}

impl core::error::Error for PlanError {}

/// Reads and checks a plan.
pub fn decode(bytes: &[u8]) -> Result<Plan, PlanError> {
    let mut from = Reader { bytes, at: 0 };
    if from.array().ok() != Some(MAGIC) {
        return Err(PlanError::Magic);
    }
    match from.half()? {
        VERSION => (),
        other => return Err(PlanError::Version(other)),
    }
    let plan = Plan {
        system: from.text()?,
        servers: from.list(Reader::server)?,
        start: from.list(Reader::index)?,
    };
    if from.at != bytes.len() {
        return Err(PlanError::Trailing(from.at));
    }
    plan.check().map_err(PlanError::Fault)?;
    Ok(plan)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Read<T> = Result<T, PlanError>;

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let taken = rest.get(..count).ok_or(PlanError::Truncated(self.at))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| PlanError::Truncated(at))
    }

    fn byte(&mut self) -> Read<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn half(&mut self) -> Read<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn word(&mut self) -> Read<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn index(&mut self) -> Read<usize> {
        Ok(self.word()? as usize)
    }

    fn text(&mut self) -> Read<String> {
        let at = self.at;
        let length = self.index()?;
        let text = core::str::from_utf8(self.take(length)?).map_err(|_| PlanError::Text(at))?;
        Ok(text.to_owned())
    }

    /// The count is not used to reserve memory: the list grows with the bytes that are read.
    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.index()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    fn server(&mut self) -> Read<PlannedServer> {
        Ok(PlannedServer {
            name: self.text()?,
            file: self.text()?,
            placement: self.placement()?,
            bindings: self.list(Reader::binding)?,
            parameters: self.list(|from| Ok((from.text()?, from.text()?)))?,
            limits: Limits {
                memory_bytes: u64::from_le_bytes(self.array()?),
                watchdog_ms: self.word()?,
            },
            restart: Restart { times: self.word()?, window_ms: self.word()? },
            otherwise: self.otherwise()?,
        })
    }

    fn otherwise(&mut self) -> Read<Option<usize>> {
        let at = self.at;
        match self.byte()? {
            0 => Ok(None),
            1 => Ok(Some(self.index()?)),
            _ => Err(PlanError::Choice(at)),
        }
    }

    fn placement(&mut self) -> Read<Placement> {
        let at = self.at;
        match self.byte()? {
            0 => Ok(Placement::Kernel),
            1 => Ok(Placement::Own),
            2 => Ok(Placement::Shared(self.text()?)),
            _ => Err(PlanError::Choice(at)),
        }
    }

    fn binding(&mut self) -> Read<Binding> {
        let at = self.at;
        Ok(match self.byte()? {
            0 => Binding::Absent,
            1 => Binding::Server { server: self.index()?, service: self.word()? },
            2 => Binding::Native { service: self.word()? },
            3 => Binding::Ports { first: self.half()?, count: self.half()? },
            4 => Binding::Interrupt { line: self.word()? },
            5 => Binding::Device {
                bus: self.index()?,
                ids: self.list(|from| Ok((from.half()?, from.half()?)))?,
                nth: self.word()?,
            },
            6 => Binding::HostedNative { name: self.text()? },
            _ => return Err(PlanError::Choice(at)),
        })
    }
}
