//! The facts of a server file as a page of text.

use std::fmt::{self, Write};

use warren_engine::{file::Service, platform::Protection};

use super::Inspected;

/// The page.
pub fn text(inspected: &Inspected) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write(inspected, &mut page);
    page
}

fn write(inspected: &Inspected, page: &mut String) -> fmt::Result {
    let file = &inspected.file;
    let description = file.description();
    writeln!(page, "{}: {}", description.name, description.summary)?;
    for service in &description.provides {
        write_service(page, "provides", service, "")?;
    }
    for service in &description.locals {
        write_service(page, "hands out", service, "")?;
    }
    for requirement in &description.requirements {
        let field = &requirement.field;
        let note = match requirement.optional {
            true => format!(" as `{field}`, optional"),
            false => format!(" as `{field}`"),
        };
        write_service(page, "requires", &requirement.service, &note)?;
    }
    for parameter in &description.parameters {
        writeln!(page, "parameter {parameter}")?;
    }
    for call in file.calls() {
        writeln!(page, "calls {}.{}", call.service_name, call.function)?;
    }
    for function in inspected.system_functions() {
        writeln!(page, "uses {function}")?;
    }
    let lock = match description.concurrent {
        true => "concurrent: entered without a lock",
        false => "one lock: entered by one thread at a time",
    };
    writeln!(page, "{lock}")?;
    writeln!(page, "stack {} bytes", description.stack_bytes)?;
    writeln!(
        page,
        "state {} bytes, alignment {}",
        description.state_bytes, description.state_alignment
    )?;
    writeln!(
        page,
        "loaded {} bytes: text {}, constants {}, relocated data {} with {} relocations",
        file.image_bytes(),
        inspected.loaded(Protection::ReadExecute, false),
        inspected.loaded(Protection::Read, false),
        inspected.loaded(Protection::Read, true),
        file.relocations().len()
    )?;
    writeln!(page, "file {} bytes, sha256 {}", inspected.bytes, inspected.hash)
}

fn write_service(page: &mut String, verb: &str, service: &Service, note: &str) -> fmt::Result {
    let atomic = if service.atomic { ", atomic" } else { "" };
    writeln!(page, "{verb} {} {:08x}{atomic}{note}", service.name, service.id)?;
    for function in &service.functions {
        writeln!(page, "    {function}")?;
    }
    Ok(())
}
