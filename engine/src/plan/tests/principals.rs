use super::*;

const MS: u64 = 1_000_000;

/// A principal below the first one, with this scheduler.
fn principal(name: &str, scheduler: usize) -> PlannedPrincipal {
    PlannedPrincipal {
        name: name.to_string(),
        parent: Some(0),
        scheduler: Some(scheduler),
        ..PlannedPrincipal::system()
    }
}

/// The same with so many milliseconds in each so many.
fn guaranteed(name: &str, scheduler: usize, slice_ms: u64, period_ms: u64) -> PlannedPrincipal {
    let (slice_ns, period_ns) = (slice_ms * MS, period_ms * MS);
    let terms = Terms { slice_ns, period_ns, ..Terms::default() };
    PlannedPrincipal { terms, ..principal(name, scheduler) }
}

/// A plan whose servers, `scheduler0` and so on, belong to the principals with these indices. The first schedules the system.
fn scheduled(others: Vec<PlannedPrincipal>, payers: &[usize]) -> Plan {
    let of = |(at, payer): (usize, &usize)| PlannedServer {
        principal: *payer,
        ..server(&std::format!("scheduler{at}"), vec![])
    };
    let servers = payers.iter().enumerate().map(of).collect();
    let system = PlannedPrincipal { scheduler: Some(0), ..PlannedPrincipal::system() };
    Plan { principals: [vec![system], others].concat(), ..plan(servers) }
}

#[test]
fn a_plan_without_principals_is_refused() {
    refused(Plan { principals: vec![], ..plan(vec![server("a", vec![])]) }, Fault::NoSystem);
}

#[test]
fn the_first_principal_is_the_system() {
    let mut other = scheduled(vec![], &[0]);
    other.principals[0].name = "media".to_string();
    refused(other, Fault::NoSystem);
    let mut child = scheduled(vec![], &[0]);
    child.principals[0].parent = Some(0);
    refused(child, Fault::NoSystem);
}

#[test]
fn two_principals_of_one_name_are_refused() {
    let two = vec![principal("media", 0), principal("media", 0)];
    refused(scheduled(two, &[0]), Fault::DuplicatePrincipal("media".to_string()));
}

#[test]
fn a_principal_without_a_name_is_refused() {
    refused(scheduled(vec![principal("", 0)], &[0]), Fault::UnnamedPrincipal(1));
}

#[test]
fn more_principals_than_a_system_can_have_are_refused() {
    let others = (0..PRINCIPALS).map(|at| principal(&at.to_string(), 0)).collect();
    refused(scheduled(others, &[0]), Fault::TooManyPrincipals(PRINCIPALS + 1));
}

#[test]
fn a_parent_comes_before_its_children() {
    for parent in [None, Some(1), Some(2), Some(usize::MAX)] {
        let child = PlannedPrincipal { parent, ..principal("child", 0) };
        let plan = scheduled(vec![child, principal("later", 0)], &[0]);
        refused(plan, Fault::NoParent("child".to_string()));
    }
}

#[test]
fn a_server_of_a_principal_that_does_not_exist_is_refused() {
    let fault = Fault::NoPrincipal { server: "scheduler1".to_string(), index: 2 };
    refused(scheduled(vec![principal("media", 0)], &[0, 2]), fault);
}

#[test]
fn a_scheduler_that_is_no_server_is_refused() {
    let fault = Fault::NoScheduler { principal: "media".to_string(), index: 7 };
    refused(scheduled(vec![principal("media", 7)], &[0]), fault);
}

#[test]
fn either_all_principals_have_schedulers_or_none() {
    let unscheduled = PlannedPrincipal { scheduler: None, ..principal("media", 0) };
    let fault = Fault::Unscheduled("media".to_string());
    refused(scheduled(vec![unscheduled.clone()], &[0]), fault.clone());
    let mut other = scheduled(vec![principal("media", 0)], &[0]);
    other.principals[0].scheduler = None;
    refused(other, fault);
    let mut none = scheduled(vec![unscheduled], &[0]);
    none.principals[0].scheduler = None;
    assert_eq!(none.check(), Ok(()));
    assert_eq!(none.root_scheduler(), None);
}

#[test]
fn the_root_scheduler_belongs_to_the_system() {
    let plan = scheduled(vec![principal("media", 0)], &[1]);
    refused(plan, Fault::ForeignRoot("scheduler0".to_string()));
}

#[test]
fn schedulers_may_be_stacked() {
    let plan = scheduled(vec![principal("one", 0), principal("two", 1)], &[0, 1, 2]);
    assert_eq!(plan.check(), Ok(()));
    assert_eq!(plan.root_scheduler(), Some(0));
    assert_eq!((0..3).map(|at| plan.scheduler_above(at)).collect::<Vec<_>>(), [0, 0, 1].map(Some));
}

#[test]
fn a_scheduler_that_schedules_itself_but_is_not_the_root_is_refused() {
    let plan = scheduled(vec![principal("media", 1)], &[0, 1]);
    refused(plan, Fault::Rootless("scheduler1".to_string()));
}

#[test]
fn schedulers_above_each_other_are_refused() {
    let plan = scheduled(vec![principal("one", 2), principal("two", 1)], &[0, 1, 2]);
    refused(plan, Fault::Rootless("scheduler2".to_string()));
}

#[test]
fn half_a_guarantee_and_more_than_the_period_are_refused() {
    let hour_ms = LONGEST_PERIOD_NS / MS;
    for (slice_ms, period_ms) in [(1, 0), (0, 1), (2, 1), (1, hour_ms + 1), (hour_ms, hour_ms - 1)]
    {
        let plan = scheduled(vec![guaranteed("media", 0, slice_ms, period_ms)], &[0]);
        refused(plan, Fault::Terms("media".to_string()));
    }
    let longest = scheduled(vec![guaranteed("media", 0, hour_ms, hour_ms)], &[0]);
    assert_eq!(longest.check(), Ok(()));
}

#[test]
fn a_scheduler_guarantees_no_more_than_the_whole() {
    let half = guaranteed("half", 0, 5, 10);
    let third = guaranteed("third", 0, 1, 3);
    let sixth = guaranteed("sixth", 0, 1, 6);
    let all = scheduled(vec![half.clone(), third.clone(), sixth], &[0]);
    assert_eq!(all.check(), Ok(()));
    let more = scheduled(vec![half, third, guaranteed("fifth", 0, 1, 5)], &[0]);
    refused(more, Fault::Guarantees("scheduler0".to_string()));
}

#[test]
fn a_stacked_scheduler_guarantees_no_more_than_it_was_guaranteed() {
    let quarter = guaranteed("quarter", 0, 10, 40);
    let fits = guaranteed("inner", 1, 1, 4);
    assert_eq!(scheduled(vec![quarter.clone(), fits], &[0, 1]).check(), Ok(()));
    let larger = guaranteed("inner", 1, 2, 7);
    let plan = scheduled(vec![quarter, larger.clone()], &[0, 1]);
    refused(plan, Fault::Guarantees("scheduler1".to_string()));
    // Without a guarantee of its own it may promise whatever time it gets.
    assert_eq!(scheduled(vec![principal("free", 0), larger], &[0, 1]).check(), Ok(()));
}

/// Principals of a valid plan with so many servers, if [`share_out`] gives the servers to them. The scheduler of each belongs to one before it.
pub(super) fn trees(servers: usize) -> impl Strategy<Value = Vec<PlannedPrincipal>> {
    (1usize..6, any::<bool>()).prop_flat_map(move |(count, is_scheduled)| {
        (0..count).map(|at| principals(at, servers, is_scheduled)).collect::<Vec<_>>()
    })
}

fn principals(
    at: usize,
    servers: usize,
    is_scheduled: bool,
) -> impl Strategy<Value = PlannedPrincipal> {
    let before = at.max(1);
    let numbers = any::<(u32, u32, u64, [u32; 3])>();
    (0..before, 0..before.min(servers), numbers, 0..MS).prop_map(
        move |(parent, scheduler, (priority, weight, memory_bytes, counts), slice_ns)| {
            // A fifth of the whole, a fifth of that for the next, and so on: less than those before have in all.
            let period_ns = slice_ns * 5u64.pow(at as u32 + 1);
            let [threads, objects, references] = counts;
            PlannedPrincipal {
                name: if at == 0 { SYSTEM.to_string() } else { std::format!("principal{at}") },
                parent: (at > 0).then_some(parent),
                scheduler: is_scheduled.then_some(scheduler),
                terms: Terms { priority, weight, slice_ns, period_ns },
                limits: PrincipalLimits { memory_bytes, threads, objects, references },
            }
        },
    )
}

/// Gives each server to the principal of its number, as [`trees`] needs it.
pub(super) fn share_out(principals: &[PlannedPrincipal], servers: &mut [PlannedServer]) {
    for (at, server) in servers.iter_mut().enumerate() {
        server.principal = at.min(principals.len() - 1);
    }
}
