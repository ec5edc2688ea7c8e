//! What a server file says, as a page of text and as JSON.

use std::fmt::{self, Write};

use serde_json::{Value, json as object};
use warren_engine::{
    file::{Function, OutgoingCall, Requirement, Service},
    inspect::Inspection,
};

/// The hash in hexadecimal.
fn hash(inspection: &Inspection) -> String {
    inspection.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// IDs are text in hexadecimal everywhere.
fn id(id: u32) -> String {
    format!("{id:08x}")
}

/// The page.
pub fn text(inspection: &Inspection) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write(inspection, &mut page);
    page
}

fn write(inspection: &Inspection, page: &mut String) -> fmt::Result {
    let description = &inspection.description;
    writeln!(page, "{}: {}", description.name, description.summary)?;
    for service in &description.provides {
        write_service(page, "provides", service, "")?;
    }
    for service in &description.locals {
        write_service(page, "hands out", service, "")?;
    }
    for Requirement { field, optional, service } in &description.requirements {
        let optional = if *optional { ", optional" } else { "" };
        write_service(page, "requires", service, &format!(" as `{field}`{optional}"))?;
    }
    for parameter in &description.parameters {
        writeln!(page, "parameter {parameter}")?;
    }
    for call in &inspection.calls {
        writeln!(page, "calls {}.{}", call.service_name, call.function)?;
    }
    for name in inspection.system_functions.iter().chain(&inspection.memory_symbols) {
        writeln!(page, "uses {name}")?;
    }
    write_numbers(inspection, page)
}

fn write_numbers(inspection: &Inspection, page: &mut String) -> fmt::Result {
    let description = &inspection.description;
    let lock = match description.concurrent {
        true => "concurrent: entered without a lock",
        false => "one lock: entered by one thread at a time",
    };
    writeln!(page, "{lock}")?;
    if description.survives_panics {
        writeln!(page, "survives panics: one ends the call that it happens in")?;
    }
    if description.counts_output {
        writeln!(
            page,
            "counts what it writes of a buffer: no more of it is carried to a caller elsewhere"
        )?;
    }
    if inspection.has_start {
        writeln!(page, "has a start hook")?;
    }
    writeln!(page, "stack {} bytes", description.stack_bytes)?;
    let (bytes, alignment) = (description.state_bytes, description.state_alignment);
    writeln!(page, "state {bytes} bytes, alignment {alignment}")?;
    let sizes = &inspection.sizes;
    writeln!(
        page,
        "loaded {} bytes: text {}, constants {}, relocated data {} with {} relocations",
        sizes.image, sizes.text, sizes.constants, sizes.relocated, inspection.relocations
    )?;
    writeln!(page, "file {} bytes, sha256 {}", sizes.file, hash(inspection))
}

fn write_service(page: &mut String, verb: &str, service: &Service, note: &str) -> fmt::Result {
    let atomic = if service.atomic { ", atomic" } else { "" };
    writeln!(page, "{verb} {} {}{atomic}{note}", service.name, id(service.id))?;
    for function in &service.functions {
        writeln!(page, "    {function}")?;
    }
    Ok(())
}

/// Everything as one object.
pub fn json(inspection: &Inspection) -> Value {
    let description = &inspection.description;
    let sizes = &inspection.sizes;
    object!({
        "name": description.name,
        "summary": description.summary,
        "provides": list(&description.provides, service),
        "locals": list(&description.locals, service),
        "requires": list(&description.requirements, requirement),
        "parameters": description.parameters,
        "calls": list(&inspection.calls, call),
        "system_functions": inspection.system_functions,
        "memory_symbols": inspection.memory_symbols,
        "concurrent": description.concurrent,
        "survives_panics": description.survives_panics,
        "counts_output": description.counts_output,
        "has_start": inspection.has_start,
        "stack_bytes": description.stack_bytes,
        "state_bytes": description.state_bytes,
        "state_alignment": description.state_alignment,
        "image_bytes": sizes.image,
        "text_bytes": sizes.text,
        "constant_bytes": sizes.constants,
        "relocated_bytes": sizes.relocated,
        "relocations": inspection.relocations,
        "file_bytes": sizes.file,
        "sha256": hash(inspection),
    })
}

fn list<T>(items: &[T], item: impl Fn(&T) -> Value) -> Value {
    items.iter().map(item).collect()
}

fn service(service: &Service) -> Value {
    object!({
        "id": id(service.id),
        "name": service.name,
        "atomic": service.atomic,
        "functions": list(&service.functions, function),
    })
}

fn function(function: &Function) -> Value {
    object!({ "name": function.name, "signature": function.signature.text() })
}

fn requirement(one: &Requirement) -> Value {
    object!({ "field": one.field, "optional": one.optional, "service": service(&one.service) })
}

fn call(call: &OutgoingCall) -> Value {
    object!({
        "service": id(call.service),
        "service_name": call.service_name,
        "atomic": call.atomic,
        "index": call.index,
        "function": function(&call.function),
    })
}
