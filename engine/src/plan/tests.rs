extern crate std;

mod principals;

use alloc::{string::ToString, vec, vec::Vec};

use proptest::{collection::vec as vector, prelude::*};

use super::*;

fn server(name: &str, bindings: Vec<Binding>) -> PlannedServer {
    PlannedServer {
        name: name.to_string(),
        file: name.to_string(),
        program: None,
        placement: Placement::Own,
        bindings,
        parameters: Vec::new(),
        limits: Limits::default(),
        restart: Restart::default(),
        otherwise: None,
        principal: 0,
    }
}

fn bound_to(server: usize) -> Vec<Binding> {
    vec![Binding::Server { server, service: 7 }]
}

fn plan(servers: Vec<PlannedServer>) -> Plan {
    let principals = vec![PlannedPrincipal::system()];
    Plan { system: "demo".to_string(), principals, servers, start: vec![0] }
}

/// The plan is refused with this fault, both before encoding and after decoding.
fn refused(plan: Plan, fault: Fault) {
    assert_eq!(plan.check(), Err(fault.clone()));
    assert_eq!(decode(&encode(&plan)), Err(PlanError::Fault(fault)));
}

#[test]
fn a_plan_with_everything_in_it_is_read_back_as_it_was() {
    let bindings = vec![
        Binding::Absent,
        Binding::Server { server: 1, service: 0xb10c_0001 },
        Binding::Native { service: 0xc10c_0001 },
        Binding::Ports { first: 0x3f8, count: 8 },
        Binding::Interrupt { line: 4 },
        Binding::Device { bus: 1, ids: vec![(0x1af4, 0x1001), (0x1af4, 0x1042)], nth: 1 },
        Binding::HostedNative { name: "terminal".to_string() },
    ];
    let first = PlannedServer {
        program: Some("say hello".to_string()),
        placement: Placement::Shared("drivers".to_string()),
        parameters: vec![("greeting".to_string(), "good day".to_string())],
        limits: Limits { memory_bytes: 1 << 40, watchdog_ms: 500 },
        restart: Restart { times: 3, window_ms: 60_000, pause_ms: 100 },
        otherwise: Some(1),
        ..server("first", bindings)
    };
    let second =
        PlannedServer { placement: Placement::Kernel, principal: 1, ..server("second", vec![]) };
    let system = PlannedPrincipal { scheduler: Some(0), ..PlannedPrincipal::system() };
    let media = PlannedPrincipal {
        name: "media".to_string(),
        parent: Some(0),
        scheduler: Some(1),
        terms: Terms { priority: 3, weight: 2, slice_ns: 5_000_000, period_ns: 40_000_000 },
        limits: PrincipalLimits { memory_bytes: 1 << 40, threads: 8, objects: 9, references: 10 },
    };
    let above = PlannedPrincipal { name: "above".to_string(), scheduler: Some(0), ..media.clone() };
    let plan = Plan { principals: vec![system, above, media], ..plan(vec![first, second]) };
    assert_eq!(decode(&encode(&plan)), Ok(plan));
}

#[test]
fn a_server_that_needs_itself_through_others_is_refused() {
    let servers =
        vec![server("top", bound_to(1)), server("one", bound_to(2)), server("two", bound_to(1))];
    refused(plan(servers), Fault::Cycle("top".to_string()));
}

#[test]
fn a_substitute_that_needs_what_it_replaces_is_refused() {
    let mut servers = vec![server("disk", vec![]), server("spare", bound_to(0))];
    servers[0].otherwise = Some(1);
    refused(plan(servers), Fault::Cycle("disk".to_string()));
}

#[test]
fn two_ways_to_the_same_server_are_no_cycle() {
    let both = [bound_to(1), bound_to(2)].concat();
    let servers = vec![server("top", both), server("one", bound_to(2)), server("two", vec![])];
    assert_eq!(plan(servers).check(), Ok(()));
}

#[test]
fn a_binding_to_a_server_that_does_not_exist_is_refused() {
    let fault = Fault::NoServer { server: "shell".to_string(), index: 1 };
    refused(plan(vec![server("shell", bound_to(1))]), fault);
}

#[test]
fn an_index_too_large_for_the_format_is_refused_when_it_is_read() {
    let far = plan(vec![server("shell", bound_to(1 << 40))]);
    let fault = Fault::NoServer { server: "shell".to_string(), index: u32::MAX as usize };
    assert_eq!(decode(&encode(&far)), Err(PlanError::Fault(fault)));
}

#[test]
fn a_server_to_start_that_does_not_exist_is_refused() {
    let start = vec![0, 9];
    refused(Plan { start, ..plan(vec![server("shell", vec![])]) }, Fault::NoStart(9));
}

#[test]
fn two_servers_of_one_name_are_refused() {
    let servers = vec![server("a", vec![]), server("b", vec![]), server("a", vec![])];
    refused(plan(servers), Fault::DuplicateName("a".to_string()));
}

#[test]
fn a_server_without_a_name_is_refused() {
    refused(plan(vec![server("a", vec![]), server("", vec![])]), Fault::Unnamed(1));
}

#[test]
fn more_servers_than_a_system_can_have_are_refused() {
    let servers = (0..=SERVERS).map(|at| server(&at.to_string(), vec![])).collect();
    refused(plan(servers), Fault::TooManyServers(SERVERS + 1));
}

#[test]
fn a_plan_of_another_version_or_kind_is_refused() {
    let mut bytes = encode(&plan(vec![server("a", vec![])]));
    bytes[4] = 1;
    assert_eq!(decode(&bytes), Err(PlanError::Version(1)));
    bytes[0] = b'X';
    assert_eq!(decode(&bytes), Err(PlanError::Magic));
    assert_eq!(decode(b""), Err(PlanError::Magic));
}

#[test]
fn every_cut_of_a_plan_is_refused() {
    let bytes = encode(&plan(vec![server("a", bound_to(1)), server("b", vec![])]));
    for length in 6..bytes.len() {
        assert!(matches!(decode(&bytes[..length]), Err(PlanError::Truncated(_))), "{length}");
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut bytes = encode(&plan(vec![server("a", vec![])]));
    let end = bytes.len();
    bytes.push(0);
    assert_eq!(decode(&bytes), Err(PlanError::Trailing(end)));
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_place() {
    let mut bytes = encode(&plan(vec![server("a", vec![])]));
    bytes[10] = 0xff;
    assert_eq!(decode(&bytes), Err(PlanError::Text(6)));
}

#[test]
fn a_count_of_four_billion_allocates_nothing() {
    let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &[0; 4]].concat();
    bytes.extend(u32::MAX.to_le_bytes());
    assert_eq!(decode(&bytes), Err(PlanError::Truncated(bytes.len())));
}

fn placements() -> impl Strategy<Value = Placement> {
    prop_oneof![
        Just(Placement::Kernel),
        Just(Placement::Own),
        any::<String>().prop_map(Placement::Shared),
    ]
}

/// Bindings of server `at`, which may need those before it.
fn bindings(at: usize) -> impl Strategy<Value = Binding> {
    let before = at.max(1);
    prop_oneof![
        Just(Binding::Absent),
        (0..before, any::<u32>()).prop_map(move |(server, service)| match at {
            0 => Binding::Native { service },
            _ => Binding::Server { server, service },
        }),
        any::<(u16, u16)>().prop_map(|(first, count)| Binding::Ports { first, count }),
        any::<u32>().prop_map(|line| Binding::Interrupt { line }),
        (0..before, vector(any::<(u16, u16)>(), 0..4), any::<u32>()).prop_map(
            move |(bus, ids, nth)| match at {
                0 => Binding::Absent,
                _ => Binding::Device { bus, ids, nth },
            }
        ),
        any::<String>().prop_map(|name| Binding::HostedNative { name }),
    ]
}

fn servers(at: usize) -> impl Strategy<Value = PlannedServer> {
    let numbers = any::<(u64, u32, u32, u32, u32)>();
    let parameters = vector(any::<(String, String)>(), 0..3);
    (
        any::<Option<String>>(),
        placements(),
        vector(bindings(at), 0..5),
        parameters,
        numbers,
        any::<bool>(),
    )
        .prop_map(move |(program, placement, bindings, parameters, numbers, otherwise)| {
            PlannedServer {
                program,
                placement,
                parameters,
                limits: Limits { memory_bytes: numbers.0, watchdog_ms: numbers.1 },
                restart: Restart { times: numbers.2, window_ms: numbers.3, pause_ms: numbers.4 },
                otherwise: otherwise.then(|| at.checked_sub(1)).flatten(),
                ..server(&std::format!("server{at}"), bindings)
            }
        })
}

fn plans() -> impl Strategy<Value = Plan> {
    (1usize..6).prop_flat_map(|count| {
        let all: Vec<_> = (0..count).map(servers).collect();
        let principals = principals::trees(count);
        (any::<String>(), principals, all, vector(0..count, 0..4)).prop_map(
            |(system, principals, mut servers, start)| {
                principals::share_out(&principals, &mut servers);
                Plan { system, principals, servers, start }
            },
        )
    })
}

proptest! {
    #[test]
    fn any_plan_is_read_back_as_it_was(plan in plans()) {
        prop_assert_eq!(decode(&encode(&plan)), Ok(plan));
    }

    #[test]
    fn a_plan_with_bytes_changed_is_read_or_refused_and_never_panics(
        plan in plans(),
        changes in vector(any::<(prop::sample::Index, u8)>(), 1..8),
    ) {
        let mut bytes = encode(&plan);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(read) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&read)), Ok(read));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(tail in vector(any::<u8>(), 0..200)) {
        let bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &tail].concat();
        if let Err(error) = decode(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
