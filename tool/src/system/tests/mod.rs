//! What the checker finds, each with its place, and what it plans.

mod errors;
mod plans;
mod principals;

use std::{collections::BTreeMap, path::Path};

use annotate_snippets::Renderer;
use warren_engine::{
    file::{Description, Requirement, Service},
    plan::Plan,
};

use super::{Outcome, Request, Target, check, facts::Facts};

const BLOCK: (u32, &str) = (0xb10c_0001, "BlockDevice");
const CLOCK: (u32, &str) = (0xc10c_0001, "Clock");
const CONSOLE: (u32, &str) = (0xc015_0001, "Console");
const FILES: (u32, &str) = (super::facts::service::FILE_SYSTEM, "FileSystem");
const INTERRUPT: (u32, &str) = (super::facts::service::INTERRUPT_LINE, "InterruptLine");
const LAUNCHER: (u32, &str) = (super::facts::service::LAUNCHER, "Launcher");
const PCI_BUS: (u32, &str) = (super::facts::service::PCI_BUS, "PciBus");
const PCI_DEVICE: (u32, &str) = (super::facts::service::PCI_DEVICE, "PciDevice");
const PORTS: (u32, &str) = (super::facts::service::IO_PORTS, "IoPorts");
const PORT_SPACE: (u32, &str) = (0x1090_0003, "PortSpace");
const SCHEDULER: (u32, &str) = (super::facts::service::SCHEDULER, "Scheduler");
const PROGRAM: (u32, &str) = (super::facts::service::PROGRAM, "Program");

type Named = (u32, &'static str);

fn service((id, name): Named) -> Service {
    Service { id, name: name.into(), atomic: false, functions: vec![] }
}

/// A server file's facts. A field that ends in `?` is optional.
fn facts_of(provides: &[Named], requires: &[(&str, Named)], parameters: &[&str]) -> Description {
    let requirement = |(field, named): &(&str, Named)| Requirement {
        field: field.trim_end_matches('?').into(),
        optional: field.ends_with('?'),
        service: service(*named),
    };
    Description {
        name: "server".into(),
        summary: String::new(),
        provides: provides.iter().copied().map(service).collect(),
        locals: vec![],
        requirements: requires.iter().map(requirement).collect(),
        parameters: parameters.iter().copied().map(String::from).collect(),
        concurrent: false,
        survives_panics: false,
        counts_output: true,
        stack_bytes: 4096,
        state_bytes: 0,
        state_alignment: 8,
    }
}

/// Server files like those of the first real system.
fn facts() -> Facts {
    BTreeMap::from([
        ("ext4".into(), facts_of(&[FILES], &[("disk", BLOCK), ("clock?", CLOCK)], &["label"])),
        ("guarantees".into(), facts_of(&[SCHEDULER], &[("clock?", CLOCK)], &["limit-percent"])),
        ("observer".into(), facts_of(&[PROGRAM], &[("observed", SCHEDULER)], &[])),
        ("pci".into(), facts_of(&[PCI_BUS], &[("ports", PORT_SPACE)], &[])),
        ("ramdisk".into(), facts_of(&[BLOCK], &[], &["size"])),
        ("relay".into(), facts_of(&[BLOCK], &[("below", BLOCK)], &[])),
        ("round-robin".into(), facts_of(&[SCHEDULER], &[], &["slice-ms"])),
        ("serial".into(), facts_of(&[CONSOLE], &[("ports", PORTS), ("interrupt", INTERRUPT)], &[])),
        (
            "shell".into(),
            facts_of(
                &[PROGRAM],
                &[("files", FILES), ("console", CONSOLE), ("launcher?", LAUNCHER)],
                &["mode"],
            ),
        ),
        ("virtio-blk".into(), facts_of(&[BLOCK], &[("device", PCI_DEVICE)], &[])),
    ])
}

/// Checks files given as pairs of name and text; the first is the system.
fn check_files(files: &[(&str, &str)], request: &Request) -> Outcome {
    let mut read = |path: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or("there is no such file".to_owned())
    };
    check(Path::new(files[0].0), &facts(), request, &mut read)
}

/// All findings as they are shown.
fn shown(outcome: &Outcome) -> String {
    let renderer = Renderer::plain();
    let render = |found: &super::Diagnostic| found.render(&outcome.sources, &renderer) + "\n";
    outcome.diagnostics.iter().map(render).collect()
}

/// The plan of a system without findings.
fn planned(text: &str, request: &Request) -> Plan {
    let outcome = check_files(&[("demo.kdl", text)], request);
    assert_eq!(shown(&outcome), "");
    let plan = outcome.plan.expect("without errors there is a plan");
    assert_eq!(plan.check(), Ok(()));
    plan
}

fn hosted() -> Request {
    Request { target: Target::Hosted, ..Request::default() }
}
