//! Principals and schedulers: what is planned, and what is found.

use warren_engine::plan::{PRINCIPALS, Placement, PlannedPrincipal, PrincipalLimits, Terms};

use super::{errors::found, *};

const MS: u64 = 1_000_000;

/// Three schedulers above each other, and what is started.
const STACKED: &str = r#"
principal "video" parent="media" {
  guarantee slice="500 us" period="8 ms"
}
principal "media" {
  scheduler "guarantees"
  priority 3
  weight 2
  memory-limit "16 MiB"
  threads 8
  objects 500
  references 9
}
principal "budget" { guarantee slice=5 period=40; }
server "guarantees" { principal "budget"; }
server "ramdisk" { principal "video"; }
server "ext4"
start "ext4"
"#;

fn principal<'p>(plan: &'p Plan, name: &str) -> &'p PlannedPrincipal {
    let found = plan.principals.iter().find(|principal| principal.name == name);
    found.unwrap_or_else(|| panic!("{name} is not planned: {plan:?}"))
}

/// Name of the server that schedules a principal.
fn scheduler<'p>(plan: &'p Plan, name: &str) -> Option<&'p str> {
    principal(plan, name).scheduler.map(|at| plan.servers[at].name.as_str())
}

/// Name of the principal that a server belongs to.
fn payer<'p>(plan: &'p Plan, name: &str) -> &'p str {
    let found = plan.servers.iter().find(|server| server.name == name);
    &plan.principals[found.expect("it is planned").principal].name
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.servers.iter().map(|server| server.name.as_str()).collect()
}

/// The plan of several files without findings; the first is the system.
fn planned_of(files: &[(&str, &str)]) -> Plan {
    let outcome = check_files(files, &Request::default());
    assert_eq!(shown(&outcome), "");
    outcome.plan.expect("without errors there is a plan")
}

#[test]
fn a_system_that_says_nothing_is_one_principal_scheduled_in_turn() {
    let plan = planned("server \"ramdisk\"\nstart \"ramdisk\"", &Request::default());
    assert_eq!(names(&plan), ["round-robin", "ramdisk"]);
    let system = PlannedPrincipal { scheduler: Some(0), ..PlannedPrincipal::system() };
    assert_eq!(plan.principals, [system]);
    assert_eq!(plan.servers[0].placement, Placement::Kernel);
    assert_eq!(payer(&plan, "round-robin"), "system");
    assert_eq!(payer(&plan, "ramdisk"), "system");
}

#[test]
fn what_is_said_of_a_principal_is_planned() {
    let plan = planned(STACKED, &Request::default());
    let media = principal(&plan, "media");
    assert_eq!(media.terms, Terms { priority: 3, weight: 2, slice_ns: 0, period_ns: 0 });
    assert_eq!(
        media.limits,
        PrincipalLimits { memory_bytes: 16 << 20, threads: 8, objects: 500, references: 9 }
    );
    let video = principal(&plan, "video");
    assert_eq!(video.terms, Terms { slice_ns: MS / 2, period_ns: 8 * MS, ..Terms::default() });
    assert_eq!(video.limits, PrincipalLimits::default());
    let budget = principal(&plan, "budget");
    assert_eq!(budget.terms, Terms { slice_ns: 5 * MS, period_ns: 40 * MS, ..Terms::default() });
    assert_eq!(payer(&plan, "ramdisk"), "video");
    assert_eq!(payer(&plan, "ext4"), "system");
}

#[test]
fn principals_come_after_their_parents() {
    let plan = planned(STACKED, &Request::default());
    let names: Vec<_> = plan.principals.iter().map(|principal| principal.name.as_str()).collect();
    assert_eq!(names, ["system", "media", "budget", "video"]);
    let parents: Vec<_> = plan.principals.iter().map(|principal| principal.parent).collect();
    assert_eq!(parents, [None, Some(0), Some(0), Some(1)]);
}

#[test]
fn a_principal_that_names_no_scheduler_has_its_parents() {
    let plan = planned(STACKED, &Request::default());
    assert_eq!(scheduler(&plan, "media"), Some("guarantees"));
    assert_eq!(scheduler(&plan, "video"), Some("guarantees"));
    assert_eq!(scheduler(&plan, "budget"), Some("round-robin"));
}

#[test]
fn the_system_may_have_another_scheduler() {
    let text = "\
principal \"system\" { scheduler \"guarantees\"; }
server \"guarantees\"
server \"ramdisk\"
start \"ramdisk\"";
    let plan = planned(text, &Request::default());
    assert_eq!(scheduler(&plan, "system"), Some("guarantees"));
    assert_eq!(names(&plan), ["guarantees", "ramdisk"]);
    let both = format!("{text}\nprincipal \"batch\" {{ scheduler \"round-robin\"; }}");
    assert_eq!(scheduler(&planned(&both, &Request::default()), "batch"), Some("round-robin"));
}

#[test]
fn what_is_predefined_can_be_defined_again_changed_and_placed() {
    let rest = "server \"ramdisk\"\nstart \"ramdisk\"";
    let parameter = [("slice-ms".to_owned(), "2".to_owned())];
    let define = "server \"round-robin\" { parameter \"slice-ms\" 2; }";
    let change = "change \"round-robin\" { parameter \"slice-ms\" 2; }";
    for altered in [define, change] {
        let plan = planned(&format!("{altered}\n{rest}"), &Request::default());
        assert_eq!(plan.servers[0].parameters, parameter);
        assert_eq!(plan.servers[0].placement, Placement::Kernel);
    }
    let placements = vec![("round-robin".to_owned(), Placement::Own)];
    let plan = planned(rest, &Request { placements, ..Request::default() });
    assert_eq!(plan.servers[0].placement, Placement::Own);
}

#[test]
fn a_principal_of_an_included_file_can_be_changed() {
    let base = "\
principal \"system\" { weight 4; }
principal \"media\" { priority 3; weight 2; }
principal \"batch\"
server \"ramdisk\"
start \"ramdisk\"";
    let top = "\
include \"base\"
change principal=\"system\" { priority 1; }
change principal=\"media\" parent=\"batch\" { priority 5; }
change \"ramdisk\" { principal \"media\"; }";
    let plan = planned_of(&[("top.kdl", top), ("base.kdl", base)]);
    assert_eq!(
        principal(&plan, "system").terms,
        Terms { priority: 1, weight: 4, ..Terms::default() }
    );
    assert_eq!(
        principal(&plan, "media").terms,
        Terms { priority: 5, weight: 2, ..Terms::default() }
    );
    let parent = principal(&plan, "media").parent.expect("only the first has none");
    assert_eq!(plan.principals[parent].name, "batch");
    assert_eq!(payer(&plan, "ramdisk"), "media");
}

#[test]
fn linux_schedules_what_is_hosted() {
    let plan = planned(STACKED, &hosted());
    assert_eq!(names(&plan), ["ramdisk", "ext4"]);
    assert_eq!(plan.principals.len(), 4);
    assert!(plan.principals.iter().all(|principal| principal.scheduler.is_none()));
    assert_eq!(payer(&plan, "ramdisk"), "video");
}

#[test]
fn a_scheduler_that_somebody_requires_is_hosted_but_schedules_nobody() {
    let plan = planned("server \"observer\"\nstart \"observer\"", &hosted());
    assert_eq!(names(&plan), ["round-robin", "observer"]);
    assert_eq!(plan.root_scheduler(), None);
}

#[test]
fn names_that_lead_nowhere_are_errors() {
    let text = "\
principal \"media\" parent=\"sytem\" { scheduler \"guarantes\"; }
principal \"batch\" { scheduler \"ramdisk\"; }
server \"guarantees\"
server \"ramdisk\" { principal \"meida\"; }
start \"ramdisk\"";
    found(
        text,
        &[
            (1, 26, "no principal `sytem`", "did you mean `system`?"),
            (1, 46, "no server `guarantes`", "did you mean `guarantees`?"),
            (2, 31, "`ramdisk` does not provide `Scheduler`", "`round-robin`, `guarantees`"),
            (4, 30, "no principal `meida`", "did you mean `media`?"),
        ],
    );
}

#[test]
fn a_scheduler_without_a_file_is_reported_once() {
    let text = "\
principal \"system\" { scheduler \"guarantes\"; }
server \"guarantes\"
server \"ramdisk\"
start \"ramdisk\"";
    found(text, &[(2, 8, "no server file `guarantes`", "did you mean `guarantees`?")]);
}

#[test]
fn two_principals_of_one_name_are_an_error() {
    let text = "\
principal \"system\"
principal \"system\"
server \"ramdisk\"
start \"ramdisk\"";
    let help = "say `change principal=\"system\"`";
    found(text, &[(2, 11, "two principals are called `system`", help)]);
}

#[test]
fn a_change_of_a_principal_that_does_not_exist_is_an_error() {
    let text = "\
principal \"media\"
change principal=\"meida\" { weight 2; }
server \"ramdisk\"
start \"ramdisk\"";
    found(text, &[(2, 18, "no principal `meida` to change", "did you mean `media`?")]);
}

#[test]
fn values_of_the_wrong_kind_are_errors() {
    let text = "\
principal \"media\" parnt=\"system\"
principal \"batch\" {
  weight 0
  threads 0
  objects 16385
  references 0
  priority -1
  guarantee slice=\"5 ms\"
  memory-limit \"much\"
  scheduler \"round-robin\"
  scheduler \"guarantees\"
  wieght 1
}
server \"ramdisk\"
start \"ramdisk\"";
    found(
        text,
        &[
            (1, 19, "`principal` has no `parnt`", "did you mean `parent`?"),
            (3, 10, "a whole number from 1 to", ""),
            (4, 11, "a whole number from 1 to", ""),
            (5, 11, "a whole number from 1 to 16384", ""),
            (6, 14, "a whole number from 1 to", ""),
            (7, 12, "a whole number from 0 to", ""),
            (8, 3, "`guarantee` needs `period=`", ""),
            (9, 16, "a number of bytes", ""),
            (11, 13, "`scheduler` is said twice", ""),
            (12, 3, "unknown node `wieght`", "did you mean `weight`?"),
        ],
    );
}

#[test]
fn the_first_principal_has_no_parent() {
    let text = "\
principal \"system\" parent=\"media\"
principal \"media\"
server \"ramdisk\"
start \"ramdisk\"";
    found(text, &[(1, 27, "`system` is the first principal", "take `parent` away")]);
}

#[test]
fn principals_that_are_each_others_parents_are_shown_with_each_step() {
    let text = "\
principal \"a\" parent=\"b\"
principal \"b\" parent=\"c\"
principal \"c\" parent=\"a\"
principal \"d\" parent=\"c\"
principal \"e\" parent=\"e\"
server \"ramdisk\"
start \"ramdisk\"";
    found(
        text,
        &[
            (1, 22, "principals are each other's parents: a → b → c → a", "another parent"),
            (5, 22, "principals are each other's parents: e → e", "another parent"),
        ],
    );
}

#[test]
fn schedulers_that_schedule_each_other_are_shown_with_each_step() {
    let text = "\
principal \"a\" { scheduler \"two\"; }
principal \"b\" { scheduler \"one\"; }
server \"one\" file=\"guarantees\" { principal \"a\"; }
server \"two\" file=\"guarantees\" { principal \"b\"; }
server \"ramdisk\"
start \"ramdisk\"";
    let expected = "schedulers schedule each other: one → two → one";
    found(text, &[(1, 27, expected, "belong to another principal")]);
}

#[test]
fn a_scheduler_that_schedules_its_own_principal_is_an_error_unless_it_is_the_first() {
    let text = "\
principal \"media\" { scheduler \"guarantees\"; }
principal \"video\" parent=\"media\"
server \"guarantees\" { principal \"video\"; }
server \"ramdisk\"
start \"ramdisk\"";
    let expected = "schedulers schedule each other: guarantees → guarantees";
    found(text, &[(2, 11, expected, "belong to another principal")]);
}

#[test]
fn the_first_scheduler_belongs_to_the_system() {
    let text = "\
principal \"media\"
server \"round-robin\" { principal \"media\"; }
server \"ramdisk\"
start \"ramdisk\"";
    let expected = "`round-robin` schedules `system` and so belongs to it";
    found(text, &[(2, 34, expected, "take `principal \"media\"` away")]);
}

#[test]
fn a_scheduler_is_not_started_by_hand() {
    let text = "server \"ramdisk\"\nstart \"round-robin\" \"ramdisk\"";
    found(text, &[(2, 7, "`round-robin` schedules", "take it away")]);
}

#[test]
fn a_guarantee_is_time_within_a_period() {
    let text = "\
principal \"a\" { guarantee slice=0 period=1; }
principal \"b\" { guarantee slice=2 period=1; }
principal \"c\" { guarantee slice=1 period=\"61 min\"; }
server \"ramdisk\"
start \"ramdisk\"";
    found(
        text,
        &[
            (1, 17, "a slice of no time is no guarantee", ""),
            (2, 17, "the slice is longer than the period", ""),
            (3, 17, "a period is at most an hour long", ""),
        ],
    );
}

#[test]
fn guarantees_beyond_the_processor_are_shown_with_what_each_takes() {
    let text = "\
principal \"a\" { guarantee slice=5 period=10; }
principal \"b\" { guarantee slice=5 period=40; }
principal \"c\" { guarantee slice=2 period=5; }
server \"ramdisk\"
start \"ramdisk\"
";
    let outcome = check_files(&[("demo.kdl", text)], &Request::default());
    let expected = "\
error: `round-robin` would guarantee 102.5 % of a processor, but has 100 %
 --> demo.kdl:3:17
  |
3 | principal \"c\" { guarantee slice=2 period=5; }
  |                 ^^^^^^^^^ 40 %
  |
 ::: demo.kdl:1:17
  |
1 | principal \"a\" { guarantee slice=5 period=10; }
  |                 --------- 50 %
  |
 ::: demo.kdl:2:17
  |
2 | principal \"b\" { guarantee slice=5 period=40; }
  |                 --------- 12.5 %
";
    assert_eq!(shown(&outcome), expected);
    assert_eq!(outcome.plan, None);
}

#[test]
fn a_stacked_scheduler_guarantees_no_more_than_it_was_guaranteed() {
    let text = STACKED.replace("500 us", "1200 us");
    let expected = "`guarantees` would guarantee 15 % of a processor, but has 12.5 %";
    found(&text, &[(3, 3, expected, "")]);
}

#[test]
fn what_a_scheduler_admits_is_what_it_says_or_the_limit_of_all() {
    let text = |parameter: &str| {
        format!(
            "principal \"system\" {{ scheduler \"guarantees\"; guarantee slice=95 period=100; }}\n\
             server \"guarantees\" {{ {parameter} }}\nserver \"ramdisk\"\nstart \"ramdisk\""
        )
    };
    let expected = "`guarantees` would guarantee 95 % of a processor, but has 90 %";
    found(&text(""), &[(1, 46, expected, "")]);
    found(&text("parameter \"limit-percent\" 95;"), &[]);
}

#[test]
fn more_principals_than_a_system_can_have_are_an_error() {
    let mut text = String::from("server \"ramdisk\"\nstart \"ramdisk\"\n");
    (1..=PRINCIPALS).for_each(|at| text.push_str(&format!("principal \"p{at}\"\n")));
    let expected = format!("at most {PRINCIPALS} principals");
    found(&text, &[(PRINCIPALS + 2, 11, &expected, "")]);
}
