//! Reading a plan.
//!
//! Nothing is believed: every count is paid for by bytes that are there, so the reader allocates
//! no more than a small multiple of what it was given.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use super::{
    Binding, Fault, Limits, MAGIC, Placement, Plan, PlannedPrincipal, PlannedServer,
    PrincipalLimits, Restart, Terms, VERSION,
};

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
    let mut from = Reader { bytes, at: 0, error: None };
    if from.take(MAGIC.len()) != MAGIC {
        return Err(PlanError::Magic);
    }
    let version = from.half();
    if from.error.is_none() && version != VERSION {
        return Err(PlanError::Version(version));
    }
    let plan = Plan {
        system: from.text(),
        principals: from.list(Reader::principal),
        servers: from.list(Reader::server),
        start: from.list(Reader::index),
    };
    if from.at != bytes.len() {
        from.refuse(PlanError::Trailing(from.at));
    }
    if let Some(error) = from.error {
        return Err(error);
    }
    plan.check().map_err(PlanError::Fault)?;
    Ok(plan)
}

/// What is read, and how far.
///
/// Once something is wrong, everything that is read is empty or 0, and lists end: so there is one way through the
/// reading functions, and one place where the error is looked at.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The first thing that was wrong.
    error: Option<PlanError>,
}

impl<'a> Reader<'a> {
    fn refuse(&mut self, error: PlanError) {
        self.error.get_or_insert(error);
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        match rest.get(..count) {
            Some(taken) if self.error.is_none() => {
                self.at += count;
                taken
            }
            _ => {
                self.refuse(PlanError::Truncated(self.at));
                &[]
            }
        }
    }

    /// A number of so many bytes, the lowest first. Not inlined: it is read at forty places, once.
    #[inline(never)]
    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes).iter().rfold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn byte(&mut self) -> u8 {
        self.number(1) as u8
    }

    fn half(&mut self) -> u16 {
        self.number(2) as u16
    }

    fn word(&mut self) -> u32 {
        self.number(4) as u32
    }

    fn long(&mut self) -> u64 {
        self.number(8)
    }

    fn index(&mut self) -> usize {
        self.word() as usize
    }

    fn text(&mut self) -> String {
        let at = self.at;
        let length = self.index();
        let text = core::str::from_utf8(self.take(length));
        text.unwrap_or_else(|_| {
            self.refuse(PlanError::Text(at));
            ""
        })
        .to_owned()
    }

    /// The count is not used to reserve memory: the list grows with the bytes that are read.
    fn list<T>(&mut self, read: fn(&mut Self) -> T) -> Vec<T> {
        let count = self.index();
        let mut items = Vec::new();
        while items.len() < count {
            let item = read(self);
            if self.error.is_some() {
                break;
            }
            items.push(item);
        }
        items
    }

    fn principal(&mut self) -> PlannedPrincipal {
        PlannedPrincipal {
            name: self.text(),
            parent: self.option(Reader::index),
            scheduler: self.option(Reader::index),
            terms: Terms {
                priority: self.word(),
                weight: self.word(),
                slice_ns: self.long(),
                period_ns: self.long(),
            },
            limits: PrincipalLimits {
                memory_bytes: self.long(),
                threads: self.word(),
                objects: self.word(),
                references: self.word(),
            },
        }
    }

    fn server(&mut self) -> PlannedServer {
        PlannedServer {
            name: self.text(),
            file: self.text(),
            program: self.option(Reader::text),
            placement: self.placement(),
            bindings: self.list(Reader::binding),
            parameters: self.list(|from| (from.text(), from.text())),
            limits: Limits { memory_bytes: self.long(), watchdog_ms: self.word() },
            restart: Restart { times: self.word(), window_ms: self.word(), pause_ms: self.word() },
            otherwise: self.option(Reader::index),
            principal: self.index(),
        }
    }

    fn option<T>(&mut self, read: fn(&mut Self) -> T) -> Option<T> {
        let at = self.at;
        match self.byte() {
            0 => None,
            1 => Some(read(self)),
            _ => {
                self.refuse(PlanError::Choice(at));
                None
            }
        }
    }

    fn placement(&mut self) -> Placement {
        let at = self.at;
        match self.byte() {
            0 => Placement::Kernel,
            1 => Placement::Own,
            2 => Placement::Shared(self.text()),
            _ => {
                self.refuse(PlanError::Choice(at));
                Placement::Own
            }
        }
    }

    fn binding(&mut self) -> Binding {
        let at = self.at;
        match self.byte() {
            0 => Binding::Absent,
            1 => Binding::Server { server: self.index(), service: self.word() },
            2 => Binding::Native { service: self.word() },
            3 => Binding::Ports { first: self.half(), count: self.half() },
            4 => Binding::Interrupt { line: self.word() },
            5 => Binding::Device {
                bus: self.index(),
                ids: self.list(|from| (from.half(), from.half())),
                nth: self.word(),
            },
            6 => Binding::HostedNative { name: self.text() },
            _ => {
                self.refuse(PlanError::Choice(at));
                Binding::Absent
            }
        }
    }
}
