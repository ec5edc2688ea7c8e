//! From resolved requirements to the plan: order, cycles, what nobody uses.
//!
//! Servers are constructed after those that they require, so requirements must not form a cycle. A
//! server that is neither started, nor required, nor a scheduler, nor to be launched by its name is left out with a warning.

use warren_engine::plan::{Binding, Limits, Placement, Plan, PlannedServer};

use super::{
    ALL, Request, Target,
    diagnostic::{Diagnostic, Severity, did_you_mean},
    facts::{Facts, provided, service},
    merge::System,
    principals::Principals,
    resolve::{Resolution, Resolved, facts_of, file_of, stand_ins},
    source::Span,
    syntax::{Hosted, Server},
};

/// Plans the system. What comes out is only of use if there were no errors.
pub fn plan(
    name: String,
    system: &System,
    facts: &Facts,
    request: &Request,
    mut resolutions: Vec<Resolution>,
    mut principals: Principals,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Plan> {
    let graph = Graph { system, facts, target: request.target, resolutions: &resolutions };
    let starts = graph.starts(diagnostics);
    if request.target == Target::Hosted {
        principals.leave_to_linux();
    }
    let (used, launched) = graph.used(&[principals.schedulers(), starts.clone()].concat());
    graph.report_unused(&used, &launched, diagnostics);
    let order = graph.order(diagnostics)?;
    let mut position = vec![None; system.servers.len()];
    let mut planned = Vec::new();
    for at in order {
        if used[at] {
            diagnostics.append(&mut resolutions[at].impossible);
        }
        // A server that only a name leads to may be impossible here; then the name leads nowhere.
        let mut needs = resolutions[at].requirements.iter().filter_map(|r| r.binding.server());
        let met = needs.all(|needed| position[needed].is_some());
        let possible = resolutions[at].impossible.is_empty() && met;
        if used[at] || launched[at] && possible {
            position[at] = Some(planned.len());
            let requirements = std::mem::take(&mut resolutions[at].requirements);
            let payer = principals.payers[at];
            planned.push(planned_server(
                system,
                facts,
                request,
                at,
                requirements,
                &position,
                payer,
            )?);
        }
    }
    for principal in &mut principals.planned {
        principal.scheduler = principal.scheduler.and_then(|at| position[at]);
    }
    let start = starts.iter().filter_map(|at| position[*at]).collect();
    Some(Plan { system: name, principals: principals.planned, servers: planned, start })
}

struct Graph<'a> {
    system: &'a System,
    facts: &'a Facts,
    target: Target,
    resolutions: &'a [Resolution],
}

impl Graph<'_> {
    fn server(&self, at: usize) -> &Server {
        &self.system.servers[at]
    }

    fn name(&self, at: usize) -> &str {
        &self.server(at).name.value
    }

    /// Servers that `at` needs, each with the place that says so.
    fn needs(&self, at: usize) -> impl Iterator<Item = (usize, &Span)> {
        let required = self.resolutions[at].requirements.iter();
        let required = required.filter_map(|found| Some((found.binding.server()?, &found.why)));
        let otherwise = self.server(at).otherwise.as_ref();
        let otherwise =
            otherwise.and_then(|name| Some((self.system.find(&name.value)?, &name.span)));
        required.chain(otherwise)
    }

    /// Servers to start, or what stands in for them.
    fn starts(&self, diagnostics: &mut Vec<Diagnostic>) -> Vec<usize> {
        if self.system.starts.is_empty() && self.system.has_servers() {
            let help = "say `start \"SERVER\"` at the end of the file";
            diagnostics.push(Diagnostic::elsewhere("the system starts nothing").help(help));
        }
        let mut starts = Vec::new();
        for start in &self.system.starts {
            match self.system.find(&start.value) {
                Some(at) => starts.extend(self.stand_in(at, &start.span, diagnostics)),
                None => {
                    let help = did_you_mean(&start.value, self.system.names());
                    let message = format!("no server `{}` to start", start.value);
                    diagnostics.push(Diagnostic::error(&start.span, message).maybe_help(help));
                }
            }
        }
        starts
    }

    fn stand_in(&self, at: usize, span: &Span, diagnostics: &mut Vec<Diagnostic>) -> Option<usize> {
        let hosted = self.server(at).hosted.as_ref().map(|hosted| &hosted.value);
        match (self.target, hosted) {
            (Target::Hosted, Some(Hosted::Server(name))) => self.system.find(name),
            // The system file says itself that it is not there.
            (Target::Hosted, Some(Hosted::Nothing)) => None,
            (Target::Hosted, Some(Hosted::Native(_))) => {
                let message = format!("`{}` cannot be started in a Linux process", self.name(at));
                diagnostics.push(Diagnostic::error(span, message));
                None
            }
            _ => Some(at),
        }
    }

    /// These servers and those that they require, and servers that can only be launched by name.
    fn used(&self, first: &[usize]) -> (Vec<bool>, Vec<bool>) {
        let mut used = vec![false; self.system.servers.len()];
        first.iter().for_each(|at| self.mark(*at, &mut used));
        let launches = |at: usize| {
            let mut required = self.resolutions[at].requirements.iter();
            required.any(|r| r.binding == Binding::Native { service: service::LAUNCHER })
        };
        let mut launched = vec![false; used.len()];
        if (0..used.len()).any(|at| used[at] && launches(at)) {
            for at in 0..used.len() {
                let facts = facts_of(self.server(at), self.facts);
                let by_name = [service::PROGRAM, service::FILE_SYSTEM];
                if facts
                    .is_some_and(|facts| by_name.iter().any(|id| provided(facts, *id).is_some()))
                {
                    self.mark(at, &mut launched);
                }
            }
        }
        (used, launched)
    }

    fn mark(&self, at: usize, marked: &mut [bool]) {
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut marked[at], true) {
                open.extend(self.needs(at).map(|(needed, _)| needed));
            }
        }
    }

    fn report_unused(&self, used: &[bool], launched: &[bool], diagnostics: &mut Vec<Diagnostic>) {
        let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
        if self.target == Target::Hosted || failed {
            return;
        }
        let stands_in = |at: usize| {
            let mut all = self.system.servers.iter().flat_map(stand_ins);
            all.any(|name| self.system.find(name) == Some(at))
        };
        for at in (0..used.len()).filter(|at| !used[*at] && !launched[*at] && !stands_in(*at)) {
            let message = format!("nobody uses the server `{}`", self.name(at));
            let found = Diagnostic::warning(&self.server(at).name.span, message)
                .help("start it, connect it, or take it away");
            diagnostics.push(found);
        }
    }

    /// All servers, each after those that it needs. Cycles are reported.
    fn order(&self, diagnostics: &mut Vec<Diagnostic>) -> Option<Vec<usize>> {
        let mut walk = Walk {
            graph: self,
            state: vec![State::New; self.system.servers.len()],
            path: vec![],
            order: vec![],
            cycles: vec![],
        };
        (0..self.system.servers.len()).for_each(|at| walk.visit(at));
        let whole = walk.cycles.is_empty();
        diagnostics.append(&mut walk.cycles);
        whole.then_some(walk.order)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// A walk along requirements, deepest first. The depth is bounded by the number of servers.
struct Walk<'a> {
    graph: &'a Graph<'a>,
    state: Vec<State>,
    path: Vec<(usize, &'a Span)>,
    order: Vec<usize>,
    cycles: Vec<Diagnostic>,
}

impl Walk<'_> {
    fn visit(&mut self, at: usize) {
        if self.state[at] != State::New {
            return;
        }
        self.state[at] = State::Open;
        for (needed, why) in self.graph.needs(at) {
            self.path.push((at, why));
            match self.state[needed] {
                State::Open => self.report(needed),
                _ => self.visit(needed),
            }
            self.path.pop();
        }
        self.state[at] = State::Done;
        self.order.push(at);
    }

    /// Reports the cycle that ends in `back`.
    fn report(&mut self, back: usize) {
        let start = self.path.iter().position(|(at, _)| *at == back).unwrap_or(0);
        let round = &self.path[start..];
        let names: Vec<_> = round.iter().map(|(at, _)| self.graph.name(*at)).collect();
        let message = format!("servers need each other: {} → {}", names.join(" → "), names[0]);
        let (_, why) = round[0];
        let mut found = Diagnostic::error(why, message)
            .label(format!("`{}` needs the next one here", names[0]))
            .help("a server is constructed after those that it requires; one of these must go");
        for ((_, why), name) in round[1..].iter().zip(&names[1..]) {
            found = found.also(why, format!("`{name}` needs the next one here"));
        }
        self.cycles.push(found);
    }
}

fn planned_server(
    system: &System,
    facts: &Facts,
    request: &Request,
    at: usize,
    requirements: Vec<Resolved>,
    position: &[Option<usize>],
    principal: usize,
) -> Option<PlannedServer> {
    let server = &system.servers[at];
    let bindings = requirements.into_iter().map(|found| renumber(found.binding, position));
    let otherwise =
        server.otherwise.as_ref().and_then(|name| position[system.find(&name.value)?]);
    Some(PlannedServer {
        name: server.name.value.clone(),
        file: file_of(server).value.clone(),
        program: facts_of(server, facts)
            .filter(|facts| provided(facts, service::PROGRAM).is_some())
            .map(|facts| facts.summary.clone()),
        placement: placement(system, request, server),
        bindings: bindings.collect::<Option<_>>()?,
        parameters: parameters(server, facts, request),
        limits: Limits {
            memory_bytes: server.memory_limit.as_ref().map_or(0, |limit| limit.value),
            watchdog_ms: server.watchdog.as_ref().map_or(0, |limit| limit.value),
        },
        restart: server.restart.unwrap_or_default(),
        otherwise,
        principal,
    })
}

/// The binding with a server's index in the plan. What a server needs is planned before it.
fn renumber(binding: Binding, position: &[Option<usize>]) -> Option<Binding> {
    Some(match binding {
        Binding::Server { server, service } => {
            Binding::Server { server: position[server]?, service }
        }
        Binding::Device { bus, ids, nth } => Binding::Device { bus: position[bus]?, ids, nth },
        other => other,
    })
}

/// The command line counts before the server's own word, and that before the system's default.
fn placement(system: &System, request: &Request, server: &Server) -> Placement {
    if request.target == Target::Hosted && !request.processes {
        return Placement::Kernel;
    }
    let named = |name: &str| name == server.name.value;
    let said = request.placements.iter().rev();
    let by_name = said.clone().find(|(name, _)| named(name));
    let by_all = said.clone().find(|(name, _)| name == ALL);
    let by_command_line = by_name.or(by_all).map(|(_, place)| place.clone());
    let by_file = || server.place.as_ref().map(|place| place.value.clone());
    by_command_line.or_else(by_file).or_else(|| system.place.clone()).unwrap_or(Placement::Own)
}

fn parameters(server: &Server, facts: &Facts, request: &Request) -> Vec<(String, String)> {
    let said = server.parameters.iter();
    let mut all: Vec<_> =
        said.map(|(name, value)| (name.value.clone(), value.value.clone())).collect();
    let known = facts_of(server, facts).map_or(&[][..], |facts| &facts.parameters);
    for (name, value) in &request.parameters {
        let is_said = all.iter().any(|(said, _)| said == name);
        if known.contains(name) && !is_said {
            all.push((name.clone(), value.clone()));
        }
    }
    all
}
