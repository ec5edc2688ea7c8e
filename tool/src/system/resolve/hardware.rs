//! Requirements that are pieces of hardware.

use warren_engine::{
    file::{Requirement, Service},
    plan::Binding,
};

use super::{Resolved, Resolver};
use crate::system::{
    Target,
    diagnostic::{Diagnostic, did_you_mean},
    facts::service,
    source::{Located, Span},
    syntax::{Hardware, Piece},
};

impl<'a> Resolver<'a> {
    /// The piece of hardware for each requirement, in their order.
    pub(super) fn assign_hardware(&mut self) -> Vec<Option<&'a Hardware>> {
        let mut assigned = vec![None; self.own.requirements.len()];
        let server = self.server;
        for piece in &server.hardware {
            match self.field_for(piece, &assigned) {
                Ok(at) => assigned[at] = Some(piece),
                Err(found) => self.report(*found),
            }
        }
        assigned
    }

    /// The requirement that a piece of hardware is for.
    fn field_for(
        &self,
        piece: &Hardware,
        assigned: &[Option<&Hardware>],
    ) -> Result<usize, Box<Diagnostic>> {
        let (id, name) = match piece.piece {
            Piece::Device { .. } => (service::PCI_DEVICE, "PciDevice"),
            Piece::Ports { .. } => (service::IO_PORTS, "IoPorts"),
            Piece::Interrupt(_) => (service::INTERRUPT_LINE, "InterruptLine"),
        };
        let fits = |at: &usize| self.own.requirements[*at].service.id == id;
        let fitting: Vec<usize> = (0..assigned.len()).filter(fits).collect();
        let found = self.choose(piece, name, &fitting)?;
        match assigned[found] {
            Some(first) => {
                let message = format!("`{}` is said twice", piece.piece.node());
                let found = Diagnostic::error(&piece.span, message);
                Err(Box::new(found.also(&first.span, "first here")))
            }
            None => Ok(found),
        }
    }

    /// The one of the fitting requirements that is named, or the only one.
    fn choose(
        &self,
        piece: &Hardware,
        service: &str,
        fitting: &[usize],
    ) -> Result<usize, Box<Diagnostic>> {
        let field = |at: &usize| self.own.requirements[*at].field.as_str();
        let found = match (&piece.field, fitting) {
            (Some(said), _) => match fitting.iter().find(|at| field(at) == said.value) {
                Some(at) => return Ok(*at),
                None => {
                    let (server, said_name) = (self.name(), &said.value);
                    let message = format!(
                        "`{server}` has no requirement `{said_name}` of service `{service}`"
                    );
                    let help = did_you_mean(said_name, fitting.iter().map(field));
                    Diagnostic::error(&said.span, message).maybe_help(help)
                }
            },
            (None, [at]) => return Ok(*at),
            (None, []) => {
                let message = format!("`{}` requires no `{service}`", self.name());
                let help = format!("take `{}` away", piece.piece.node());
                Diagnostic::error(&piece.span, message).help(help)
            }
            (None, _) => {
                let message = format!("`{}` has several requirements of `{service}`", self.name());
                let fields = fitting.iter().map(|at| format!("`field=\"{}\"`", field(at)));
                let fields: Vec<_> = fields.collect();
                let help = format!("say which: {}", fields.join(" or "));
                Diagnostic::error(&piece.span, message).help(help)
            }
        };
        Err(Box::new(found))
    }

    /// The binding to a piece of hardware, if this target has any.
    pub(super) fn hardware(&mut self, hardware: &'a Hardware) -> Option<Resolved> {
        if self.target == Target::Hosted {
            self.no_hardware(hardware.piece.node(), &hardware.span);
            return None;
        }
        let binding = match &hardware.piece {
            Piece::Ports { first, count } => {
                if u32::from(*first) + u32::from(*count) > 0x1_0000 || *count == 0 {
                    let message =
                        format!("ports {first:#x} and {count} in all: there are no such ports");
                    self.report(Diagnostic::error(&hardware.span, message));
                }
                Binding::Ports { first: *first, count: *count }
            }
            Piece::Interrupt(line) => Binding::Interrupt { line: *line },
            Piece::Device { ids, bus, nth } => {
                let bus = self.bus(bus.as_ref(), &hardware.span)?;
                Binding::Device { bus, ids: ids.clone(), nth: *nth }
            }
        };
        Some(Resolved { binding, why: hardware.span.clone() })
    }

    pub(super) fn no_hardware(&mut self, what: &str, span: &Span) {
        let message = format!("`{}` needs hardware, which a Linux process has not", self.name());
        let help = "say what is in its place: `hosted native=\"OBJECT\"`, `hosted server=\"SERVER\"`, \
                    or `hosted \"none\"`";
        self.impossible.push(Diagnostic::error(span, message).label(what).help(help));
    }

    pub(super) fn no_linux(&mut self, what: &str, span: &Span) {
        let message = format!("`{}` needs what only a Linux process has", self.name());
        let help = "let it stand in for a server that drives hardware: `hosted server=\"SERVER\"`";
        self.impossible.push(Diagnostic::error(span, message).label(what).help(help));
    }

    /// The server that a device is searched on.
    fn bus(&mut self, said: Option<&Located<String>>, span: &Span) -> Option<usize> {
        let needed = Requirement {
            field: "bus".into(),
            service: Service {
                id: service::PCI_BUS,
                name: "PciBus".into(),
                atomic: false,
                functions: vec![],
            },
            optional: false,
        };
        match said {
            Some(name) => match self.system.find(&name.value) {
                Some(at) => self.check_provides(&needed, at, &name.span).map(|()| at),
                None => {
                    let help = did_you_mean(&name.value, self.system.names());
                    let message = format!("no server `{}`", name.value);
                    self.report(Diagnostic::error(&name.span, message).maybe_help(help));
                    None
                }
            },
            None => match self.candidates(service::PCI_BUS)[..] {
                [at] => Some(at),
                ref others => {
                    let found = Diagnostic::error(span, "on which bus is this device?")
                        .maybe_help(self.list("say `bus=` with", others));
                    self.report(found);
                    None
                }
            },
        }
    }
}
