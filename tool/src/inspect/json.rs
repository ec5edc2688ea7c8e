//! The facts of a server file as JSON. IDs are text in hexadecimal, as everywhere else.

use serde_json::{Value, json as object};
use warren_engine::{file::Service, platform::Protection};

use super::Inspected;

/// The whole file as one object.
pub fn json(inspected: &Inspected) -> Value {
    let file = &inspected.file;
    let description = file.description();
    let services = |all: &[Service]| all.iter().map(service).collect::<Vec<_>>();
    let requirement = |one: &warren_engine::file::Requirement| object!({ "field": one.field, "optional": one.optional, "service": service(&one.service) });
    let call = |one: &warren_engine::file::OutgoingCall| {
        object!({
            "service": id(one.service),
            "service_name": one.service_name,
            "atomic": one.atomic,
            "index": one.index,
            "function": one.function.name,
            "signature": one.function.signature.text(),
        })
    };
    object!({
        "name": description.name,
        "summary": description.summary,
        "provides": services(&description.provides),
        "locals": services(&description.locals),
        "requires": description.requirements.iter().map(requirement).collect::<Vec<_>>(),
        "parameters": description.parameters,
        "calls": file.calls().iter().map(call).collect::<Vec<_>>(),
        "system_functions": inspected.system_functions().collect::<Vec<_>>(),
        "concurrent": description.concurrent,
        "stack_bytes": description.stack_bytes,
        "state_bytes": description.state_bytes,
        "state_alignment": description.state_alignment,
        "image_bytes": file.image_bytes(),
        "text_bytes": inspected.loaded(Protection::ReadExecute, false),
        "constant_bytes": inspected.loaded(Protection::Read, false),
        "relocated_bytes": inspected.loaded(Protection::Read, true),
        "relocations": file.relocations().len(),
        "file_bytes": inspected.bytes,
        "sha256": inspected.hash,
    })
}

fn service(service: &Service) -> Value {
    let function = |one: &warren_engine::file::Function| object!({ "name": one.name, "signature": one.signature.text() });
    object!({
        "id": id(service.id),
        "name": service.name,
        "atomic": service.atomic,
        "functions": service.functions.iter().map(function).collect::<Vec<_>>(),
    })
}

fn id(id: u32) -> String {
    format!("{id:08x}")
}
