//! A system file and one that it may include: whatever is found can be shown, and a plan that comes out can
//! be carried out.
#![no_main]

use std::{collections::BTreeMap, path::Path};

use annotate_snippets::Renderer;
use libfuzzer_sys::fuzz_target;
use warren_engine::{
    file::{Description, Requirement, Service},
    plan::{decode, encode},
};
use warren_tool::system::{
    Request, Target, check,
    facts::{Facts, NATIVES, service},
};

/// Stands between the two files.
const BETWEEN: char = '\u{1}';

fuzz_target!(|text: &str| {
    let (first, second) = text.split_once(BETWEEN).unwrap_or((text, ""));
    let mut read = |path: &Path| match path.to_str() {
        Some("first.kdl") => Ok(first.to_owned()),
        Some("second.kdl") => Ok(second.to_owned()),
        _ => Err("there is no such file".to_owned()),
    };
    for target in [Target::Machine, Target::Hosted] {
        let request = Request { target, ..Request::default() };
        let outcome = check(Path::new("first.kdl"), &facts(), &request, &mut read);
        for found in &outcome.diagnostics {
            assert!(!found.render(&outcome.sources, &Renderer::plain()).is_empty());
        }
        if let Some(plan) = outcome.plan {
            assert_eq!(plan.check(), Ok(()));
            assert_eq!(decode(&encode(&plan)), Ok(plan));
        }
    }
});

/// Server files with every kind of requirement.
fn facts() -> Facts {
    let hardware = [service::PCI_DEVICE, service::IO_PORTS, service::INTERRUPT_LINE];
    let natives: Vec<u32> = NATIVES.iter().map(|native| native.id).collect();
    BTreeMap::from([
        ("a".into(), file(&[1, service::PCI_BUS], &[])),
        ("b".into(), file(&[1, service::PROGRAM], &[1, 2])),
        ("c".into(), file(&[2, service::FILE_SYSTEM], &[1])),
        ("d".into(), file(&[1], &hardware)),
        ("e".into(), file(&[service::PROGRAM], &natives)),
        ("round-robin".into(), file(&[service::SCHEDULER], &[])),
        ("s".into(), file(&[service::SCHEDULER], &[service::SCHEDULER])),
    ])
}

/// A file that provides and requires these services. The second requirement is optional.
fn file(provides: &[u32], requires: &[u32]) -> Description {
    let service =
        |id: &u32| Service { id: *id, name: format!("S{id}"), atomic: false, functions: vec![] };
    let requirement = |(at, id): (usize, &u32)| Requirement {
        field: format!("r{at}"),
        optional: at == 1,
        service: service(id),
    };
    Description {
        name: "server".into(),
        summary: String::new(),
        provides: provides.iter().map(service).collect(),
        locals: vec![],
        requirements: requires.iter().enumerate().map(requirement).collect(),
        parameters: vec!["p".into()],
        concurrent: false,
        survives_panics: false,
        counts_output: true,
        stack_bytes: 4096,
        state_bytes: 0,
        state_alignment: 8,
    }
}
