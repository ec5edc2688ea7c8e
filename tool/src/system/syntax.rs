//! One system file taken apart: KDL becomes the few node kinds that a system file knows.
//!
//! Everything here is about form: which nodes there are, how many arguments they take, which values
//! are numbers. What names mean is decided in [`super::merge`] and later. A node that is wrong is
//! reported and left out, and reading goes on.

mod principal;

use crate::run::machine::Forward;
use kdl::{KdlDocument, KdlNode};
use warren_engine::plan::{Placement, Restart};

pub use principal::{Guarantee, Principal};

use super::{
    diagnostic::{Diagnostic, did_you_mean},
    fields::{Fields, Reader},
    place,
    source::{Located, Span},
};

/// What one file says.
#[derive(Debug, Default)]
pub struct Document {
    /// Files to read first.
    pub includes: Vec<Located<String>>,
    /// Where servers run that do not say it.
    pub place: Option<Located<Placement>>,
    /// Who answers for a service: `connect "SERVICE" "SERVER"`.
    pub connects: Vec<Connect>,
    /// Servers.
    pub servers: Vec<Server>,
    /// Changes to servers of included files.
    pub changes: Vec<Server>,
    /// Principals.
    pub principals: Vec<Principal>,
    /// Changes to principals of included files.
    pub principal_changes: Vec<Principal>,
    /// What to start.
    pub starts: Vec<Located<String>>,
    /// Ports of the host that lead into the system's network.
    pub forwards: Vec<Located<Forward>>,
}

/// `server` or `change`: what is said of one server.
#[derive(Debug)]
pub struct Server {
    /// Its name in the system.
    pub name: Located<String>,
    /// Its file; the name if nothing is said.
    pub file: Option<Located<String>>,
    /// Where it runs.
    pub place: Option<Located<Placement>>,
    /// Requirements that are connected by hand.
    pub connects: Vec<Connect>,
    /// Requirements that are pieces of hardware.
    pub hardware: Vec<Hardware>,
    /// Names and values.
    pub parameters: Vec<(Located<String>, Located<String>)>,
    /// Powerful services that it may have.
    pub grants: Vec<Located<String>>,
    /// Bytes of heap.
    pub memory_limit: Option<Located<u64>>,
    /// Milliseconds until a call that does not return is ended.
    pub watchdog: Option<Located<u32>>,
    /// How often it comes back, and when.
    pub restart: Option<Restart>,
    /// Its substitute.
    pub otherwise: Option<Located<String>>,
    /// What is in its place in a Linux process.
    pub hosted: Option<Located<Hosted>>,
    /// The principal that it belongs to.
    pub principal: Option<Located<String>>,
}

/// `connect "WHAT" "SERVER"`, or `connect "WHAT" native=#true`.
#[derive(Debug)]
pub struct Connect {
    /// A field, or a service.
    pub what: Located<String>,
    /// The server; `None` for the platform's own object.
    pub to: Located<Option<String>>,
}

/// A piece of hardware for a requirement.
#[derive(Debug)]
pub struct Hardware {
    /// The requirement's field; the only one of the right service if nothing is said.
    pub field: Option<Located<String>>,
    /// What it is.
    pub piece: Piece,
    /// The node's name.
    pub span: Span,
}

/// `device`, `ports` or `interrupt`.
#[derive(Debug)]
pub enum Piece {
    /// The device that has one of these IDs.
    Device {
        /// Vendor and device.
        ids: Vec<(u16, u16)>,
        /// The server that provides the bus.
        bus: Option<Located<String>>,
        /// Which of those that fit.
        nth: u32,
    },
    /// A range of ports.
    Ports {
        /// Its first.
        first: u16,
        /// How many.
        count: u16,
    },
    /// An interrupt line.
    Interrupt(u32),
}

impl Piece {
    /// The node that says it.
    pub fn node(&self) -> &'static str {
        match self {
            Piece::Device { .. } => "device",
            Piece::Ports { .. } => "ports",
            Piece::Interrupt(_) => "interrupt",
        }
    }
}

/// What is in a server's place in a Linux process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosted {
    /// Nothing: the system cannot do without it, or nobody needs it.
    Nothing,
    /// An object of the hosted platform.
    Native(String),
    /// Another server.
    Server(String),
}

const TOP: [&str; 8] =
    ["include", "place", "connect", "server", "principal", "change", "start", "forward"];
const INSIDE: [&str; 13] = [
    "place",
    "connect",
    "device",
    "ports",
    "interrupt",
    "parameter",
    "grant",
    "memory-limit",
    "watchdog",
    "restart",
    "otherwise",
    "hosted",
    "principal",
];

/// Takes the text of file number `file` apart.
pub fn parse(text: &str, file: usize, diagnostics: &mut Vec<Diagnostic>) -> Document {
    let mut document = Document::default();
    match KdlDocument::parse_v2(text) {
        Ok(parsed) => {
            let mut reader = Reader::new(file, diagnostics);
            for node in parsed.nodes() {
                top(node, &mut document, &mut reader);
            }
        }
        Err(error) => {
            diagnostics.extend(error.diagnostics.iter().map(|found| unreadable(found, file)));
        }
    }
    document
}

/// A finding of the KDL parser.
fn unreadable(found: &kdl::KdlDiagnostic, file: usize) -> Diagnostic {
    let start = found.span.offset();
    let span = Span { file, range: start..start + found.span.len() };
    let message = found.message.clone().unwrap_or_else(|| "this is not KDL".into());
    Diagnostic::error(&span, message)
        .label(found.label.clone().unwrap_or_default())
        .maybe_help(found.help.clone())
}

/// One node at the top of a file.
fn top(node: &KdlNode, document: &mut Document, reader: &mut Reader<'_>) {
    match node.name().value() {
        "include" => document.includes.extend(one_text(node, reader)),
        "place" => set_once(&mut document.place, placement(node, reader), "place", reader),
        "connect" => document.connects.extend(connect(node, reader)),
        "server" => document.servers.extend(server(node, reader)),
        "principal" => document.principals.extend(principal::definition(node, reader)),
        "change" if principal::is_named(node) => {
            document.principal_changes.extend(principal::change(node, reader));
        }
        "change" => document.changes.extend(server(node, reader)),
        "start" => {
            if let Some(fields) = reader.fields(node, 1..=usize::MAX, &[]) {
                document.starts.extend(fields.texts(reader));
            }
        }
        "forward" => document.forwards.extend(forward(node, reader)),
        other => unknown_node(node, other, &TOP, reader),
    }
}

/// `forward "HOSTPORT:PORT"`, `forward "HOSTPORT:PORT@NETWORK"`, `forward "HOSTPORT:PORT/udp"`.
fn forward(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Located<Forward>> {
    let ports = reader.fields(node, 1..=1, &[])?.text(0, reader)?;
    match Forward::parse(&ports.value) {
        Ok(forward) => Some(ports.map(|_| forward)),
        Err(message) => {
            reader.report(Diagnostic::error(&ports.span, message));
            None
        }
    }
}

/// `server` or `change` with what is in its braces.
fn server(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Server> {
    let fields = reader.fields_with_children(node, 1..=1, &["file"])?;
    let mut server = Server {
        name: fields.text(0, reader)?,
        file: fields.property_text("file", reader),
        place: None,
        connects: Vec::new(),
        hardware: Vec::new(),
        parameters: Vec::new(),
        grants: Vec::new(),
        memory_limit: None,
        watchdog: None,
        restart: None,
        otherwise: None,
        hosted: None,
        principal: None,
    };
    for child in node.iter_children() {
        inside(child, &mut server, reader);
    }
    Some(server)
}

/// One node in the braces of a server.
fn inside(node: &KdlNode, server: &mut Server, reader: &mut Reader<'_>) {
    match node.name().value() {
        "place" => set_once(&mut server.place, placement(node, reader), "place", reader),
        "connect" => server.connects.extend(connect(node, reader)),
        "device" | "ports" | "interrupt" => server.hardware.extend(hardware(node, reader)),
        "parameter" => server.parameters.extend(parameter(node, reader)),
        "grant" => {
            if let Some(fields) = reader.fields(node, 1..=usize::MAX, &[]) {
                server.grants.extend(fields.texts(reader));
            }
        }
        "memory-limit" => {
            let limit = one(node, reader).and_then(|fields| fields.bytes(0, reader));
            set_once(&mut server.memory_limit, limit, "memory-limit", reader);
        }
        "watchdog" => {
            let limit = one(node, reader).and_then(|fields| fields.milliseconds(0, reader));
            set_once(&mut server.watchdog, limit, "watchdog", reader);
        }
        "restart" => server.restart = restart(node, reader).or(server.restart),
        "otherwise" => {
            let substitute = one_text(node, reader);
            set_once(&mut server.otherwise, substitute, "otherwise", reader);
        }
        "hosted" => set_once(&mut server.hosted, hosted(node, reader), "hosted", reader),
        "principal" => {
            set_once(&mut server.principal, one_text(node, reader), "principal", reader);
        }
        other => unknown_node(node, other, &INSIDE, reader),
    }
}

fn one<'n>(node: &'n KdlNode, reader: &mut Reader<'_>) -> Option<Fields<'n>> {
    reader.fields(node, 1..=1, &[])
}

fn one_text(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Located<String>> {
    one(node, reader)?.text(0, reader)
}

fn placement(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Located<Placement>> {
    let fields = reader.fields(node, 1..=2, &[])?;
    let word = fields.text(0, reader)?;
    let domain = match fields.count() {
        2 => Some(fields.text(1, reader)?.value),
        _ => None,
    };
    match place::from_words(&word.value, domain.as_deref()) {
        Ok(value) => Some(Located { value, span: word.span }),
        Err(help) => {
            let found = Diagnostic::error(&word.span, format!("no placement `{}`", word.value));
            reader.report(found.help(help));
            None
        }
    }
}

fn connect(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Connect> {
    let fields = reader.fields(node, 1..=2, &["native"])?;
    let what = fields.text(0, reader)?;
    let native = fields.property_flag("native", reader);
    match (fields.count(), native) {
        (2, None) => Some(Connect { what, to: fields.text(1, reader)?.map(Some) }),
        (1, Some(native)) if native.value => Some(Connect { what, to: native.map(|_| None) }),
        _ => {
            let found = Diagnostic::error(&fields.span(), "`connect` needs one target")
                .help("say `connect \"FIELD\" \"SERVER\"` or `connect \"FIELD\" native=#true`");
            reader.report(found);
            None
        }
    }
}

fn hardware(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Hardware> {
    let (fields, piece) = match node.name().value() {
        "device" => {
            let fields = reader.fields(node, 1..=usize::MAX, &["bus", "nth", "field"])?;
            let ids = (0..fields.count()).filter_map(|at| fields.pci_id(at, reader)).collect();
            let bus = fields.property_text("bus", reader);
            let nth = fields.property_number("nth", u32::MAX, reader).unwrap_or(0);
            (fields, Piece::Device { ids, bus, nth })
        }
        "ports" => {
            let fields = reader.fields(node, 0..=0, &["first", "count", "field"])?;
            let first = fields.required_number("first", u16::MAX.into(), reader)? as u16;
            let count = fields.required_number("count", u16::MAX.into(), reader)? as u16;
            (fields, Piece::Ports { first, count })
        }
        _ => {
            let fields = reader.fields(node, 1..=1, &["field"])?;
            let line = fields.number(0, 0..=u32::MAX, reader)?.value;
            (fields, Piece::Interrupt(line))
        }
    };
    Some(Hardware { field: fields.property_text("field", reader), piece, span: fields.span() })
}

fn parameter(
    node: &KdlNode,
    reader: &mut Reader<'_>,
) -> Option<(Located<String>, Located<String>)> {
    let fields = reader.fields(node, 2..=2, &[])?;
    Some((fields.text(0, reader)?, fields.scalar(1)))
}

fn restart(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Restart> {
    let fields = reader.fields(node, 0..=0, &["times", "within", "pause"])?;
    let times = fields.required_number("times", u32::MAX, reader)?;
    let window_ms = fields.property_milliseconds("within", reader).unwrap_or(60_000);
    let pause_ms = fields.property_milliseconds("pause", reader).unwrap_or_default();
    if pause_ms > window_ms {
        let found = Diagnostic::error(&fields.span(), "`pause` is longer than `within`");
        reader.report(found.help("pauses grow until they are as long as `within`"));
    }
    Some(Restart { times, window_ms, pause_ms })
}

fn hosted(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Located<Hosted>> {
    let fields = reader.fields(node, 0..=1, &["native", "server"])?;
    let native = fields.property_text("native", reader).map(|name| name.map(Hosted::Native));
    let server = fields.property_text("server", reader).map(|name| name.map(Hosted::Server));
    let word = (fields.count() == 1).then(|| fields.text(0, reader)).flatten();
    let nothing =
        word.filter(|word| word.value == "none").map(|word| word.map(|_| Hosted::Nothing));
    match (native, server, nothing) {
        (Some(found), None, None) | (None, Some(found), None) | (None, None, Some(found)) => {
            Some(found)
        }
        _ => {
            let found = Diagnostic::error(&fields.span(), "`hosted` needs one counterpart").help(
                "say `hosted native=\"OBJECT\"`, `hosted server=\"SERVER\"` or `hosted \"none\"`",
            );
            reader.report(found);
            None
        }
    }
}

/// Takes a value that may be said once.
fn set_once<T>(
    slot: &mut Option<Located<T>>,
    found: Option<Located<T>>,
    what: &str,
    reader: &mut Reader<'_>,
) {
    match (&slot, found) {
        (Some(first), Some(second)) => reader.report(
            Diagnostic::error(&second.span, format!("`{what}` is said twice"))
                .also(&first.span, "first here"),
        ),
        (None, Some(found)) => *slot = Some(found),
        (_, None) => (),
    }
}

fn unknown_node(node: &KdlNode, name: &str, known: &[&'static str], reader: &mut Reader<'_>) {
    let span = reader.span(node.name());
    let help = did_you_mean(name, known.iter().copied());
    reader.report(Diagnostic::error(&span, format!("unknown node `{name}`")).maybe_help(help));
}
