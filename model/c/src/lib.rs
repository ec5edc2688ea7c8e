//! Warren's services as C headers, made from the description that server files carry.
//!
//! A description knows signatures but not the names of parameters, so these are numbered. For each
//! service `X` the header has
//!
//! - the type `X`, a reference;
//! - `X_ID`;
//! - `X_function(self, …)` for each function, which is the call;
//! - `X_ENTRIES(state)`, the type of the table of whoever implements it, with a `state *` first;
//! - `X_PROVIDES`, `X_LOCAL`, `X_REQUIRES(field)`, `X_OPTIONAL(field)`: its records in a description.
//!
//! The fixed part is [`FIXED`].

use std::fmt::Write;

use warren_abi::{
    description::{ATOMIC, Malformed, OPTIONAL, records, tag},
    signature::{Part, Signature},
};

/// The header that all C servers include, `warren.h`.
pub const FIXED: &str = include_str!("../warren.h");

/// Why there is no header.
#[derive(Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The description cannot be taken apart.
    Description(Malformed),
    /// A record's contents make no sense; its tag.
    Record(char),
    /// A name is not one in C.
    Name(String),
}

impl std::fmt::Display for HeaderError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HeaderError::Description(malformed) => write!(formatter, "{malformed:?} description"),
            HeaderError::Record(tag) => write!(formatter, "record `{tag}` makes no sense"),
            HeaderError::Name(name) => write!(formatter, "`{name}` is no name in C"),
        }
    }
}

impl std::error::Error for HeaderError {}

struct Service<'a> {
    id: u32,
    atomic: bool,
    name: &'a str,
    functions: Vec<(&'a str, Signature<'a>)>,
}

/// The header of all services that a description mentions.
pub fn header(description: &[u8]) -> Result<String, HeaderError> {
    let services = services(description)?;
    let mut text = String::from(
        "/* Generated from the description of the services. See warren.h. */\n\
         #pragma once\n\n#include \"warren.h\"\n\n",
    );
    for service in &services {
        let Service { id, name, .. } = service;
        let _ = writeln!(text, "typedef struct {{ uint64_t word; }} {name};");
        let _ = writeln!(text, "#define {name}_ID {id:#010x}u");
    }
    for service in &services {
        calls(&mut text, service, &services);
        entries(&mut text, service, &services);
        description_records(&mut text, service);
    }
    Ok(text)
}

/// The services of a description, each once.
fn services(description: &[u8]) -> Result<Vec<Service<'_>>, HeaderError> {
    let mut services: Vec<Service<'_>> = Vec::new();
    let mut known = false;
    for record in records(description).map_err(HeaderError::Description)? {
        let (tag, payload) = record.map_err(HeaderError::Description)?;
        match tag {
            tag::PROVIDES | tag::LOCAL | tag::REQUIRES => {
                let service = service(tag, payload).ok_or(HeaderError::Record(tag.into()))?;
                is_name(service.name)?;
                known = services.iter().any(|other| other.id == service.id);
                if !known {
                    services.push(service);
                }
            }
            tag::FUNCTION if !known => {
                let function = function(payload).ok_or(HeaderError::Record(tag.into()))?;
                is_name(function.0)?;
                let service = services.last_mut().ok_or(HeaderError::Record(tag.into()))?;
                service.functions.push(function);
            }
            _ => (),
        }
    }
    Ok(services)
}

fn service(tag: u8, payload: &[u8]) -> Option<Service<'_>> {
    let (id, rest) = payload.split_first_chunk()?;
    let (flags, name) = rest.split_first()?;
    let name = std::str::from_utf8(name).ok()?;
    let name = if tag == tag::REQUIRES { name.split_once(':')?.1 } else { name };
    let (id, atomic) = (u32::from_le_bytes(*id), flags & ATOMIC != 0);
    Some(Service { id, atomic, name, functions: Vec::new() })
}

fn function(payload: &[u8]) -> Option<(&str, Signature<'_>)> {
    let text = std::str::from_utf8(payload).ok()?;
    let (name, signature) = text.strip_suffix(')')?.split_once('(')?;
    Some((name, Signature::parse(signature).ok()?))
}

fn is_name(name: &str) -> Result<(), HeaderError> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|it| it.is_ascii_alphabetic() || it == '_');
    match first && characters.all(|it| it.is_ascii_alphanumeric() || it == '_') {
        true => Ok(()),
        false => Err(HeaderError::Name(name.into())),
    }
}

/// Parameters after the first, each with a comma before it.
fn parameters(signature: Signature<'_>, services: &[Service<'_>]) -> String {
    let mut text = String::new();
    for (part, number) in signature.parameters().zip(1..) {
        let _ = match part {
            Part::Value => write!(text, ", uint32_t p{number}"),
            Part::Word => write!(text, ", uint64_t p{number}"),
            Part::In => write!(text, ", const uint8_t *p{number}, size_t p{number}_bytes"),
            Part::Out | Part::InOut => write!(text, ", uint8_t *p{number}, size_t p{number}_bytes"),
            Part::InStruct(bytes) => write!(text, ", const void *p{number} /* {bytes} bytes */"),
            Part::OutStruct(bytes) => write!(text, ", void *p{number} /* {bytes} bytes */"),
            Part::Reference(id) => {
                let known = services.iter().find(|service| service.id == id);
                let name = known.map_or("uint64_t", |service| service.name);
                write!(text, ", {name} p{number}")
            }
            Part::Nothing => Ok(()),
        };
    }
    text
}

fn calls(text: &mut String, service: &Service<'_>, services: &[Service<'_>]) {
    let Service { id, name, atomic, .. } = service;
    let prefix = if *atomic { "wcalla" } else { "wcall" };
    let _ = writeln!(text, "\n/* {name} */");
    for (index, (function, signature)) in service.functions.iter().enumerate() {
        let parameters = parameters(*signature, services);
        let signature = signature.text();
        let _ = writeln!(
            text,
            "w_ret {name}_{function}({name} self{parameters})\n    \
             W_SYMBOL(\"{prefix}.{id:08x}.{index}.{name}.{function}.{signature}\");"
        );
    }
}

fn entries(text: &mut String, service: &Service<'_>, services: &[Service<'_>]) {
    let _ = writeln!(text, "#define {}_ENTRIES(state) struct {{ \\", service.name);
    for (function, signature) in &service.functions {
        let parameters = parameters(*signature, services);
        let _ = writeln!(text, "    w_ret (*{function})(state *self{parameters}); \\");
    }
    text.push_str("}\n");
}

fn description_records(text: &mut String, service: &Service<'_>) {
    let Service { id, name, functions, atomic } = service;
    let flags = if *atomic { ATOMIC } else { 0 };
    let optional = flags | OPTIONAL;
    let _ = writeln!(text, "#define {name}_FUNCTIONS \\");
    for (function, signature) in functions {
        let _ = writeln!(text, "    W_FUNCTION(\"{function}({})\") \\", signature.text());
    }
    let _ = writeln!(text, "    \"\"");
    for (form, tag, flags, field) in [
        ("PROVIDES", tag::PROVIDES, flags, ""),
        ("LOCAL", tag::LOCAL, flags, ""),
        ("REQUIRES(field)", tag::REQUIRES, flags, "field \":\" "),
        ("OPTIONAL(field)", tag::REQUIRES, optional, "field \":\" "),
    ] {
        let tag = char::from(tag);
        let _ = writeln!(
            text,
            "#define {name}_{form} \\\n    W_SERVICE(\"{tag}\", \"{id:#010x}\", \"{flags}\", \
             {field}\"{name}\") {name}_FUNCTIONS"
        );
    }
}
