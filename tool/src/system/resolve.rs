//! Each requirement of a server gets its binding, or the reason why it has none.
//!
//! In this order: what the server's `connect` says; a piece of hardware; what the system's
//! `connect` says for the service; the platform's own object; the only server that provides the
//! service; nothing, if the requirement is optional.

mod hardware;
mod stand_ins;

use std::collections::HashSet;

use warren_engine::{
    file::{Description, Requirement},
    plan::Binding,
};

pub use stand_ins::{check_stand_ins, stand_ins};

use super::{
    Target,
    diagnostic::{Diagnostic, did_you_mean},
    facts::{self, Facts, Platforms, Reach, provided, service},
    merge::System,
    source::{Located, Span},
    syntax::{Connect, Hardware, Hosted, Server},
};

/// A requirement's binding, and where the system file decided it.
#[derive(Debug)]
pub struct Resolved {
    /// The binding. Servers are given by their index in [`System::servers`].
    pub binding: Binding,
    /// The place to show when somebody asks why.
    pub why: Span,
}

/// What was found out about one server.
#[derive(Debug, Default)]
pub struct Resolution {
    /// One for each requirement; fewer if there were errors.
    pub requirements: Vec<Resolved>,
    /// Errors that only matter if this server is used in this target.
    pub impossible: Vec<Diagnostic>,
}

/// What answers in a server's place.
enum Provider<'a> {
    Server(usize),
    Object(&'a str),
    Nobody,
}

/// Resolves server `at`.
pub fn resolve(
    system: &System,
    facts: &Facts,
    target: Target,
    at: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Resolution {
    let server = &system.servers[at];
    let Some(own) = facts_of(server, facts) else { return Resolution::default() };
    let mut resolver =
        Resolver { system, facts, target, at, server, own, diagnostics, impossible: vec![] };
    resolver.check_names();
    let hardware = resolver.assign_hardware();
    let requirements = own.requirements.iter().zip(hardware);
    let requirements =
        requirements.filter_map(|(needed, piece)| resolver.requirement(needed, piece)).collect();
    Resolution { requirements, impossible: resolver.impossible }
}

/// Name of a server's file.
pub fn file_of(server: &Server) -> &Located<String> {
    server.file.as_ref().unwrap_or(&server.name)
}

/// What a server's file says, if there is such a file.
pub fn facts_of<'f>(server: &Server, facts: &'f Facts) -> Option<&'f Description> {
    facts.get(&file_of(server).value)
}

struct Resolver<'a> {
    system: &'a System,
    facts: &'a Facts,
    target: Target,
    at: usize,
    server: &'a Server,
    own: &'a Description,
    diagnostics: &'a mut Vec<Diagnostic>,
    impossible: Vec<Diagnostic>,
}

impl<'a> Resolver<'a> {
    fn name(&self) -> &'a str {
        &self.server.name.value
    }

    fn report(&mut self, found: Diagnostic) {
        self.diagnostics.push(found);
    }

    /// Fields, parameters and grants that the file does not know, or that are said twice.
    fn check_names(&mut self) {
        let fields = self.own.requirements.iter().map(|needed| needed.field.as_str());
        let parameters = self.own.parameters.iter().map(String::as_str);
        let connects: Vec<_> = self.server.connects.iter().map(|connect| &connect.what).collect();
        let said: Vec<_> = self.server.parameters.iter().map(|(name, _)| name).collect();
        self.check_known(&connects, "requirement", fields);
        self.check_known(&said, "parameter", parameters);
        let server = self.server;
        for grant in &server.grants {
            self.check_grant(grant);
        }
    }

    fn check_known<'n>(
        &mut self,
        said: &[&Located<String>],
        what: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) {
        let mut seen: HashSet<&str> = HashSet::new();
        for name in said {
            let file = &file_of(self.server).value;
            if !known.clone().any(|known| known == name.value) {
                let message = format!("server file `{file}` has no {what} `{}`", name.value);
                let help = did_you_mean(&name.value, known.clone())
                    .or_else(|| Some(format!("it has no {what} at all")));
                self.report(Diagnostic::error(&name.span, message).maybe_help(help));
            } else if !seen.insert(&name.value) {
                let message = format!("{what} `{}` is said twice", name.value);
                self.report(Diagnostic::error(&name.span, message));
            }
        }
    }

    fn check_grant(&mut self, grant: &Located<String>) {
        let powerful = facts::NATIVES.iter().filter(|native| native.reach == Reach::Granted);
        let Some(native) = powerful.clone().find(|native| native.name == grant.value) else {
            let help = did_you_mean(&grant.value, powerful.map(|native| native.name));
            let message = format!("`{}` is no service that is granted", grant.value);
            return self.report(Diagnostic::error(&grant.span, message).maybe_help(help));
        };
        if !self.own.requirements.iter().any(|needed| needed.service.id == native.id) {
            let message = format!("`{}` does not require `{}`", self.name(), grant.value);
            self.report(Diagnostic::warning(&grant.span, message).help("take the grant away"));
        }
    }

    fn requirement(
        &mut self,
        needed: &Requirement,
        hardware: Option<&'a Hardware>,
    ) -> Option<Resolved> {
        let server = self.server;
        let by_hand = server.connects.iter().find(|connect| connect.what.value == needed.field);
        if let Some(connect) = by_hand {
            return self.connected(needed, connect);
        }
        if let Some(hardware) = hardware {
            return self.hardware(hardware);
        }
        let system = self.system;
        let by_system = system.connects.iter().rev().find(|connect| {
            let itself = connect.to.value.as_deref() == Some(self.name());
            connect.what.value == needed.service.name && !itself
        });
        if let Some(connect) = by_system {
            return self.connected(needed, connect);
        }
        self.automatic(needed)
    }

    /// What a `connect` says.
    fn connected(&mut self, needed: &Requirement, connect: &'a Connect) -> Option<Resolved> {
        let why = &connect.to.span;
        let Some(target) = &connect.to.value else {
            return self.native_by_hand(needed, why);
        };
        let Some(at) = self.system.find(target) else {
            let help = did_you_mean(target, self.system.names());
            self.report(Diagnostic::error(why, format!("no server `{target}`")).maybe_help(help));
            return None;
        };
        self.check_provides(needed, at, why)?;
        self.bound_to(needed, at, why)
    }

    fn native_by_hand(&mut self, needed: &Requirement, why: &Span) -> Option<Resolved> {
        if facts::native_service(needed.service.id).is_none() {
            let message = format!("the platform itself has no `{}`", needed.service.name);
            self.report(Diagnostic::error(why, message));
            return None;
        }
        self.automatic_native(needed).unwrap_or_else(|| self.not_granted(needed, why))
    }

    fn check_provides(&mut self, needed: &Requirement, at: usize, why: &Span) -> Option<()> {
        let target = &self.system.servers[at];
        // A file that does not exist is reported where it is named.
        let provider = facts_of(target, self.facts)?;
        if provided(provider, needed.service.id).is_some() {
            return Some(());
        }
        let provided: Vec<_> = provider.provides.iter().map(|p| format!("`{}`", p.name)).collect();
        let provided = match provided.len() {
            0 => "nothing".into(),
            _ => provided.join(", "),
        };
        let name = &target.name.value;
        let message = format!(
            "`{}` requires `{}` as `{}`, which `{name}` does not provide",
            self.name(),
            needed.service.name,
            needed.field
        );
        let found = Diagnostic::error(why, message).label(format!("`{name}` provides {provided}"));
        let candidates = self.candidates(needed.service.id);
        self.report(found.maybe_help(self.list("connect it to", &candidates)));
        None
    }

    /// The binding to a server, or to what answers in its place in this target.
    fn bound_to(&mut self, needed: &Requirement, at: usize, why: &Span) -> Option<Resolved> {
        self.check_agrees(needed, at, why);
        let binding = match self.provider(at) {
            Provider::Server(server) => Binding::Server { server, service: needed.service.id },
            Provider::Object(name) => Binding::HostedNative { name: name.into() },
            Provider::Nobody if needed.optional => Binding::Absent,
            Provider::Nobody => {
                let missing = &self.system.servers[at].name.value;
                let message = format!(
                    "`{}` requires `{missing}`, which has no counterpart in a Linux process",
                    self.name()
                );
                self.impossible.push(Diagnostic::error(why, message));
                return None;
            }
        };
        Some(Resolved { binding, why: why.clone() })
    }

    /// Both files must mean the same by the service's ID.
    fn check_agrees(&mut self, needed: &Requirement, at: usize, why: &Span) {
        let target = &self.system.servers[at];
        let other = facts_of(target, self.facts);
        let Some(other) = other.and_then(|facts| provided(facts, needed.service.id)) else {
            return;
        };
        if let Err(mismatch) = needed.service.agrees(other) {
            let (name, field) = (&target.name.value, &needed.field);
            let message = format!(
                "`{}` requires another `{}` as `{field}` than `{name}` provides",
                self.name(),
                needed.service.name
            );
            let found = Diagnostic::error(why, message).label(mismatch.to_string());
            self.report(found.help("build both from the same description of the service"));
        }
    }

    fn provider(&self, at: usize) -> Provider<'a> {
        let hosted = self.system.servers[at].hosted.as_ref().map(|hosted| &hosted.value);
        match (self.target, hosted) {
            (Target::Hosted, Some(Hosted::Native(name))) => Provider::Object(name),
            (Target::Hosted, Some(Hosted::Nothing)) => Provider::Nobody,
            (Target::Hosted, Some(Hosted::Server(name))) => {
                self.system.find(name).map_or(Provider::Nobody, Provider::Server)
            }
            _ => Provider::Server(at),
        }
    }

    /// A requirement of which the system file says nothing.
    fn automatic(&mut self, needed: &Requirement) -> Option<Resolved> {
        if let Some(found) = self.automatic_native(needed) {
            return found;
        }
        let why = &self.server.name.span;
        match self.candidates(needed.service.id)[..] {
            [at] => self.bound_to(needed, at, why),
            [] if needed.optional => Some(Resolved { binding: Binding::Absent, why: why.clone() }),
            [] => self.unresolved(needed, why),
            ref several => {
                let message = format!(
                    "`{}` requires `{}` as `{}`, which several servers provide",
                    self.name(),
                    needed.service.name,
                    needed.field
                );
                let say = format!("say `connect \"{}\"` with", needed.field);
                let found = Diagnostic::error(why, message).label("ambiguous requirement");
                let found = found.maybe_help(self.list(&say, several));
                self.report(found);
                None
            }
        }
    }

    /// The platform's own object, if there is one that this server may have.
    fn automatic_native(&mut self, needed: &Requirement) -> Option<Option<Resolved>> {
        let native = facts::native_service(needed.service.id)?;
        let granted = self.server.grants.iter().find(|grant| grant.value == native.name);
        let why = match (native.reach, granted) {
            (Reach::Everybody, _) => &self.server.name.span,
            (Reach::Granted, Some(grant)) => &grant.span,
            (Reach::Granted, None) => return None,
        };
        match (self.target, native.on) {
            (Target::Hosted, Platforms::Machine) => {
                self.no_hardware(native.name, why);
                return Some(None);
            }
            (Target::Machine, Platforms::Linux) => {
                self.no_linux(native.name, why);
                return Some(None);
            }
            _ => (),
        }
        let binding = Binding::Native { service: native.id };
        Some(Some(Resolved { binding, why: why.clone() }))
    }

    fn unresolved(&mut self, needed: &Requirement, why: &Span) -> Option<Resolved> {
        let (id, name) = (needed.service.id, &needed.service.name);
        if facts::native_service(id).is_some() {
            return self.not_granted(needed, why);
        }
        // A server whose file is not known might provide it; that its file is not known is said elsewhere.
        if self.system.servers.iter().any(|server| facts_of(server, self.facts).is_none()) {
            return None;
        }
        let help = match id {
            service::PCI_DEVICE => "say which: `device \"VENDOR:DEVICE\" bus=\"SERVER\"`".into(),
            service::IO_PORTS => "say which: `ports first=0x3f8 count=8`".into(),
            service::INTERRUPT_LINE => "say which: `interrupt 4`".into(),
            _ => self.who_could(id, name),
        };
        let message = format!("`{}` requires `{name}` as `{}`", self.name(), needed.field);
        let found = Diagnostic::error(why, message).label("unresolved requirement").help(help);
        self.report(found);
        None
    }

    fn who_could(&self, id: u32, name: &str) -> String {
        let files = self.facts.iter().filter(|(_, facts)| provided(facts, id).is_some());
        let files: Vec<_> = files.map(|(file, _)| format!("`{file}`")).collect();
        match files.len() {
            0 => format!("no server file provides `{name}`"),
            _ => format!("add a server that provides it; these files do: {}", files.join(", ")),
        }
    }

    fn not_granted(&mut self, needed: &Requirement, why: &Span) -> Option<Resolved> {
        let name = &needed.service.name;
        let message = format!("`{}` requires `{name}`, which must be granted", self.name());
        let help = format!("if it may have it, say `grant \"{name}\"` in its braces");
        self.report(Diagnostic::error(why, message).help(help));
        None
    }

    /// Servers that provide the service, without this one and without mere substitutes.
    fn candidates(&self, id: u32) -> Vec<usize> {
        let substitutes: HashSet<&str> = self.system.servers.iter().flat_map(stand_ins).collect();
        let fits = |at: &usize| {
            let server = &self.system.servers[*at];
            *at != self.at
                && !substitutes.contains(server.name.value.as_str())
                && facts_of(server, self.facts).is_some_and(|facts| provided(facts, id).is_some())
        };
        (0..self.system.servers.len()).filter(fits).collect()
    }

    fn list(&self, say: &str, servers: &[usize]) -> Option<String> {
        let name = |at: &usize| format!("`{}`", self.system.servers[*at].name.value);
        let names: Vec<_> = servers.iter().map(name).collect();
        (!names.is_empty()).then(|| format!("{say} {}", names.join(" or ")))
    }
}
