//! `principal`, and `change` of one.

use kdl::KdlNode;
use warren_engine::layout::OBJECTS;

use super::{one, one_text, set_once, unknown_node};
use crate::system::{
    fields::{Fields, Reader},
    source::Located,
};

/// What is said of one principal.
#[derive(Debug)]
pub struct Principal {
    /// Its name in the system.
    pub name: Located<String>,
    /// The principal within whose limits it stays.
    pub parent: Option<Located<String>>,
    /// The server that schedules it.
    pub scheduler: Option<Located<String>>,
    /// Who runs first.
    pub priority: Option<Located<u32>>,
    /// Its share beside others.
    pub weight: Option<Located<u32>>,
    /// What it gets whatever others do.
    pub guarantee: Option<Located<Guarantee>>,
    /// Bytes of memory.
    pub memory_limit: Option<Located<u64>>,
    /// Threads at the same time.
    pub threads: Option<Located<u32>>,
    /// Objects that its threads have made.
    pub objects: Option<Located<u32>>,
    /// References that its servers keep.
    pub references: Option<Located<u32>>,
}

/// Processor time in each period.
#[derive(Clone, Copy, Debug)]
pub struct Guarantee {
    /// The time.
    pub slice_ns: u64,
    /// Length of the period.
    pub period_ns: u64,
}

const INSIDE: [&str; 8] = [
    "scheduler",
    "priority",
    "weight",
    "guarantee",
    "memory-limit",
    "threads",
    "objects",
    "references",
];

/// Whether a `change` is one of a principal: `change principal="NAME"`.
pub fn is_named(node: &KdlNode) -> bool {
    node.entry("principal").is_some()
}

/// `principal "NAME" parent="PRINCIPAL" { … }`.
pub fn definition(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Principal> {
    let fields = reader.fields_with_children(node, 1..=1, &["parent"])?;
    let name = fields.text(0, reader)?;
    Some(principal(node, name, &fields, reader))
}

/// `change principal="NAME" parent="PRINCIPAL" { … }`.
pub fn change(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Principal> {
    let fields = reader.fields_with_children(node, 0..=0, &["principal", "parent"])?;
    let name = fields.property_text("principal", reader)?;
    Some(principal(node, name, &fields, reader))
}

fn principal(
    node: &KdlNode,
    name: Located<String>,
    fields: &Fields<'_>,
    reader: &mut Reader<'_>,
) -> Principal {
    let mut principal = Principal {
        name,
        parent: fields.property_text("parent", reader),
        scheduler: None,
        priority: None,
        weight: None,
        guarantee: None,
        memory_limit: None,
        threads: None,
        objects: None,
        references: None,
    };
    for child in node.iter_children() {
        inside(child, &mut principal, reader);
    }
    principal
}

/// One node in the braces of a principal.
fn inside(node: &KdlNode, principal: &mut Principal, reader: &mut Reader<'_>) {
    match node.name().value() {
        what @ "scheduler" => {
            set_once(&mut principal.scheduler, one_text(node, reader), what, reader);
        }
        what @ "priority" => {
            let number = one(node, reader).and_then(|it| it.number(0, 0..=u32::MAX, reader));
            set_once(&mut principal.priority, number, what, reader);
        }
        what @ "weight" => {
            let number = one(node, reader).and_then(|it| it.number(0, 1..=u32::MAX, reader));
            set_once(&mut principal.weight, number, what, reader);
        }
        what @ "guarantee" => {
            set_once(&mut principal.guarantee, guarantee(node, reader), what, reader);
        }
        what @ "memory-limit" => {
            let limit = one(node, reader).and_then(|it| it.bytes(0, reader));
            set_once(&mut principal.memory_limit, limit, what, reader);
        }
        what @ "threads" => {
            let number = one(node, reader).and_then(|it| it.number(0, 1..=u32::MAX, reader));
            set_once(&mut principal.threads, number, what, reader);
        }
        what @ "objects" => {
            let number = one(node, reader).and_then(|it| it.number(0, 1..=OBJECTS as u32, reader));
            set_once(&mut principal.objects, number, what, reader);
        }
        what @ "references" => {
            let number = one(node, reader).and_then(|it| it.number(0, 1..=u32::MAX, reader));
            set_once(&mut principal.references, number, what, reader);
        }
        other => unknown_node(node, other, &INSIDE, reader),
    }
}

/// `guarantee slice="5 ms" period="40 ms"`.
fn guarantee(node: &KdlNode, reader: &mut Reader<'_>) -> Option<Located<Guarantee>> {
    let fields = reader.fields(node, 0..=0, &["slice", "period"])?;
    let slice = fields.required_nanoseconds("slice", reader);
    let period = fields.required_nanoseconds("period", reader);
    let value = Guarantee { slice_ns: slice?.value, period_ns: period?.value };
    Some(Located { value, span: fields.span() })
}
