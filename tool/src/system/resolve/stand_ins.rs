//! Servers and objects that stand in for others: `otherwise` and `hosted`.

use warren_engine::file::Description;

use super::facts_of;
use crate::system::{
    diagnostic::{Diagnostic, did_you_mean},
    facts::{Facts, HOSTED_OBJECTS, provided},
    merge::System,
    source::Span,
    syntax::{Hosted, Server},
};

/// Servers that a server names to stand in for it.
pub fn stand_ins(server: &Server) -> impl Iterator<Item = &str> {
    let hosted = server.hosted.as_ref().and_then(|hosted| match &hosted.value {
        Hosted::Server(name) => Some(name.as_str()),
        _ => None,
    });
    server.otherwise.as_ref().map(|name| name.value.as_str()).into_iter().chain(hosted)
}

/// What is wrong with the names of a server's stand-ins.
pub fn check_stand_ins(
    system: &System,
    facts: &Facts,
    at: usize,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let server = &system.servers[at];
    let Some(own) = facts_of(server, facts) else { return };
    let hosted = server.hosted.as_ref();
    if let Some(hosted) = hosted {
        match &hosted.value {
            Hosted::Nothing => (),
            Hosted::Native(object) => check_object(server, own, object, &hosted.span, diagnostics),
            Hosted::Server(name) => {
                check_stand_in(system, facts, server, own, name, &hosted.span, diagnostics);
            }
        }
    }
    if let Some(name) = &server.otherwise {
        check_stand_in(system, facts, server, own, &name.value, &name.span, diagnostics);
    }
}

fn check_object(
    server: &Server,
    own: &Description,
    object: &str,
    span: &Span,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match HOSTED_OBJECTS.iter().find(|(name, _)| *name == object) {
        Some((_, id)) if provided(own, *id).is_some() => (),
        Some(_) => {
            let message = format!("`{object}` provides not what `{}` does", server.name.value);
            diagnostics.push(Diagnostic::error(span, message));
        }
        None => {
            let message = format!("the hosted platform has no object `{object}`");
            let help = did_you_mean(object, HOSTED_OBJECTS.iter().map(|(name, _)| *name));
            diagnostics.push(Diagnostic::error(span, message).maybe_help(help));
        }
    }
}

fn check_stand_in(
    system: &System,
    facts: &Facts,
    server: &Server,
    own: &Description,
    name: &str,
    span: &Span,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Some(at) = system.find(name) else {
        let help = did_you_mean(name, system.names());
        diagnostics.push(Diagnostic::error(span, format!("no server `{name}`")).maybe_help(help));
        return;
    };
    let Some(other) = facts_of(&system.servers[at], facts) else { return };
    let missing = own.provides.iter().find(|one| provided(other, one.id).is_none());
    if let Some(missing) = missing {
        let message = format!(
            "`{name}` cannot stand in for `{}`: it does not provide `{}`",
            server.name.value, missing.name
        );
        diagnostics.push(Diagnostic::error(span, message));
    }
}
