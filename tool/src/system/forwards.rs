//! Ports of the host that lead into the system: each to a network that there is, and none to two of its ports.

use warren_engine::plan::Plan;

use super::{Target, diagnostic::Diagnostic, source::Located};
use crate::run::machine::{self, Forward};

/// Checks what the files say of ports. They mean nothing in a Linux process.
pub fn check(
    forwards: &[Located<Forward>],
    plan: Option<&Plan>,
    target: Target,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if target == Target::Hosted {
        return;
    }
    let networks = plan.map(machine::networks);
    for (at, forward) in forwards.iter().enumerate() {
        if let Some(networks) = networks.filter(|networks| forward.value.network >= *networks) {
            let message = format!("`{}` leads nowhere", forward.value);
            let found = Diagnostic::error(&forward.span, message);
            diagnostics.push(found.help(machine::networks_are(networks)));
        }
        let first = forwards[..at].iter().find(|other| other.value.is_same_port(forward.value));
        if let Some(first) = first {
            let message = format!("{} is forwarded twice", forward.value.address());
            let found = Diagnostic::error(&forward.span, message);
            diagnostics.push(found.also(&first.span, "here it is already"));
        }
    }
}
