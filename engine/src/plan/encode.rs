//! Writing a plan.
//!
//! Numbers are little-endian; text and lists are a count (u32) and what is counted. A choice is a
//! byte and what belongs to it. [`super::decode`] reads in exactly this order.

use alloc::vec::Vec;

use super::{Binding, MAGIC, Placement, Plan, PlannedPrincipal, PlannedServer, VERSION};

/// The plan in binary. A plan that passes [`Plan::check`] is read back as it is.
pub fn encode(plan: &Plan) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.0.extend(MAGIC);
    out.0.extend(VERSION.to_le_bytes());
    out.text(&plan.system);
    out.list(&plan.principals, Writer::principal);
    out.list(&plan.servers, Writer::server);
    out.list(&plan.start, |out, index| out.index(*index));
    out.0
}

struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    fn half(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }

    fn word(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    fn long(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    /// An index or a count. One that does not fit becomes one that the reader refuses.
    fn index(&mut self, value: usize) {
        self.word(u32::try_from(value).unwrap_or(u32::MAX));
    }

    fn option<T>(&mut self, item: Option<T>, write: impl Fn(&mut Self, T)) {
        self.byte(item.is_some().into());
        if let Some(item) = item {
            write(self, item);
        }
    }

    fn text(&mut self, text: &str) {
        self.index(text.len());
        self.0.extend(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.index(items.len());
        for item in items {
            write(self, item);
        }
    }

    fn principal(&mut self, principal: &PlannedPrincipal) {
        self.text(&principal.name);
        self.option(principal.parent, Writer::index);
        self.option(principal.scheduler, Writer::index);
        self.word(principal.terms.priority);
        self.word(principal.terms.weight);
        self.long(principal.terms.slice_ns);
        self.long(principal.terms.period_ns);
        self.long(principal.limits.memory_bytes);
        self.word(principal.limits.threads);
        self.word(principal.limits.objects);
        self.word(principal.limits.references);
    }

    fn server(&mut self, server: &PlannedServer) {
        self.text(&server.name);
        self.text(&server.file);
        self.option(server.program.as_deref(), Writer::text);
        self.placement(&server.placement);
        self.list(&server.bindings, Writer::binding);
        self.list(&server.parameters, |out, (name, value)| {
            out.text(name);
            out.text(value);
        });
        self.long(server.limits.memory_bytes);
        self.word(server.limits.watchdog_ms);
        self.word(server.restart.times);
        self.word(server.restart.window_ms);
        self.word(server.restart.pause_ms);
        self.option(server.otherwise, Writer::index);
        self.index(server.principal);
    }

    fn placement(&mut self, placement: &Placement) {
        match placement {
            Placement::Kernel => self.byte(0),
            Placement::Own => self.byte(1),
            Placement::Shared(name) => {
                self.byte(2);
                self.text(name);
            }
        }
    }

    fn binding(&mut self, binding: &Binding) {
        match binding {
            Binding::Absent => self.byte(0),
            Binding::Server { server, service } => {
                self.byte(1);
                self.index(*server);
                self.word(*service);
            }
            Binding::Native { service } => {
                self.byte(2);
                self.word(*service);
            }
            Binding::Ports { first, count } => {
                self.byte(3);
                self.half(*first);
                self.half(*count);
            }
            Binding::Interrupt { line } => {
                self.byte(4);
                self.word(*line);
            }
            Binding::Device { bus, ids, nth } => {
                self.byte(5);
                self.index(*bus);
                self.list(ids, |out, (vendor, device)| {
                    out.half(*vendor);
                    out.half(*device);
                });
                self.word(*nth);
            }
            Binding::HostedNative { name } => {
                self.byte(6);
                self.text(name);
            }
        }
    }
}
