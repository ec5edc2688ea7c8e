//! What is planned for systems without errors.

use warren_engine::plan::{Binding, Limits, Placement, PlannedServer, Restart};

use super::*;

const SYSTEM: &str = r#"
server "shell" {
  connect "console" "serial"
  parameter "mode" "script"
}
server "files" file="ext4" {
  place "own"
  memory-limit "4 MiB"
  watchdog "2 s"
  restart times=3 pause="100 ms"
}
server "disk" file="virtio-blk" {
  device "1af4:1042" "1af4:1001" bus="pci"
  otherwise "ramdisk"
  hosted native="disk-image"
}
server "ramdisk" {
  place "shared" "storage"
  parameter "size" 64
}
server "pci" { grant "PortSpace"; }
server "serial" {
  ports first=0x3f8 count=8
  interrupt 4
  hosted native="console"
}
place "kernel"
start "shell"
"#;

fn server<'p>(plan: &'p Plan, name: &str) -> &'p PlannedServer {
    let found = plan.servers.iter().find(|server| server.name == name);
    found.unwrap_or_else(|| panic!("{name} is not planned: {plan:?}"))
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.servers.iter().map(|server| server.name.as_str()).collect()
}

/// The name of the server that binding `at` of `name` leads to.
fn bound<'p>(plan: &'p Plan, name: &str, at: usize) -> &'p str {
    let needed = server(plan, name).bindings[at].server().expect("it is bound to a server");
    &plan.servers[needed].name
}

#[test]
fn servers_come_after_those_that_they_need() {
    let plan = planned(SYSTEM, &Request::default());
    assert_eq!(plan.system, "demo");
    let all = ["round-robin", "pci", "ramdisk", "disk", "files", "serial", "shell"];
    assert_eq!(names(&plan), all);
    assert_eq!(plan.start, [6]);
}

#[test]
fn requirements_are_bound_in_the_order_of_the_file() {
    let plan = planned(SYSTEM, &Request::default());
    assert_eq!(bound(&plan, "shell", 0), "files");
    assert_eq!(bound(&plan, "shell", 1), "serial");
    assert_eq!(server(&plan, "shell").bindings[2], Binding::Absent);
    assert_eq!(bound(&plan, "files", 0), "disk");
    assert_eq!(server(&plan, "files").bindings[1], Binding::Native { service: CLOCK.0 });
    assert_eq!(server(&plan, "pci").bindings, [Binding::Native { service: PORT_SPACE.0 }]);
}

#[test]
fn hardware_is_bound_to_the_requirement_of_its_service() {
    let plan = planned(SYSTEM, &Request::default());
    let ids = vec![(0x1af4, 0x1042), (0x1af4, 0x1001)];
    assert_eq!(server(&plan, "disk").bindings, [Binding::Device { bus: 1, ids, nth: 0 }]);
    let serial = [Binding::Ports { first: 0x3f8, count: 8 }, Binding::Interrupt { line: 4 }];
    assert_eq!(server(&plan, "serial").bindings, serial);
}

#[test]
fn what_is_said_of_a_server_is_planned() {
    let plan = planned(SYSTEM, &Request::default());
    let files = server(&plan, "files");
    assert_eq!(files.file, "ext4");
    assert_eq!(files.limits, Limits { memory_bytes: 4 << 20, watchdog_ms: 2000 });
    assert_eq!(files.restart, Restart { times: 3, window_ms: 60_000, pause_ms: 100 });
    assert_eq!(server(&plan, "disk").otherwise, Some(2));
    assert_eq!(server(&plan, "ramdisk").parameters, [("size".to_owned(), "64".to_owned())]);
}

#[test]
fn the_command_line_places_before_the_server_and_that_before_the_system() {
    let plan = planned(SYSTEM, &Request::default());
    let storage = Placement::Shared("storage".into());
    assert_eq!(server(&plan, "shell").placement, Placement::Kernel);
    assert_eq!(server(&plan, "files").placement, Placement::Own);
    assert_eq!(server(&plan, "ramdisk").placement, storage);
    let placements = vec![
        ("files".to_owned(), Placement::Kernel),
        (super::super::ALL.to_owned(), storage.clone()),
    ];
    let plan = planned(SYSTEM, &Request { placements, ..Request::default() });
    assert_eq!(server(&plan, "files").placement, Placement::Kernel);
    assert_eq!(server(&plan, "shell").placement, storage);
}

#[test]
fn a_server_that_says_nothing_runs_in_a_domain_of_its_own() {
    let plan = planned("server \"ramdisk\"\nstart \"ramdisk\"", &Request::default());
    assert_eq!(server(&plan, "ramdisk").placement, Placement::Own);
}

#[test]
fn a_parameter_for_all_reaches_those_that_read_it_and_do_not_set_it() {
    let both = vec![("mode".to_owned(), "x".to_owned()), ("size".to_owned(), "1".to_owned())];
    let request = Request { parameters: both, ..Request::default() };
    let plan = planned(SYSTEM, &request);
    assert_eq!(server(&plan, "shell").parameters, [("mode".to_owned(), "script".to_owned())]);
    assert_eq!(server(&plan, "pci").parameters, []);
    let plan = planned("server \"ramdisk\"\nstart \"ramdisk\"", &request);
    assert_eq!(server(&plan, "ramdisk").parameters, [("size".to_owned(), "1".to_owned())]);
}

#[test]
fn hosted_counterparts_take_the_place_of_hardware_and_what_only_it_needs_is_left_out() {
    let plan = planned(SYSTEM, &hosted());
    assert_eq!(names(&plan), ["files", "shell"]);
    let object = |name: &str| Binding::HostedNative { name: name.into() };
    assert_eq!(server(&plan, "files").bindings[0], object("disk-image"));
    assert_eq!(server(&plan, "shell").bindings[1], object("console"));
}

#[test]
fn a_hosted_server_may_stand_in_for_another() {
    let text = "\
server \"disk\" file=\"virtio-blk\" {
  device \"1af4:1042\"
  hosted server=\"ramdisk\"
}
server \"pci\" { grant \"PortSpace\"; }
server \"ramdisk\"
server \"ext4\"
start \"ext4\"";
    assert_eq!(names(&planned(text, &hosted())), ["ramdisk", "ext4"]);
}

#[test]
fn an_included_file_comes_first_and_can_be_changed() {
    let files = [
        (
            "systems/big.kdl",
            "include \"base\"\nchange \"ramdisk\" {\n  place \"kernel\"\n  parameter \"size\" 2\n}\n",
        ),
        (
            "systems/base.kdl",
            "server \"ramdisk\" {\n  place \"own\"\n  parameter \"size\" 1\n}\nstart \"ramdisk\"\n",
        ),
    ];
    let outcome = check_files(&files, &Request::default());
    assert_eq!(shown(&outcome), "");
    let plan = outcome.plan.expect("there are no errors");
    assert_eq!(plan.system, "big");
    assert_eq!(server(&plan, "ramdisk").placement, Placement::Kernel);
    assert_eq!(server(&plan, "ramdisk").parameters, [("size".to_owned(), "2".to_owned())]);
}

#[test]
fn a_file_that_two_others_include_counts_once() {
    let files = [
        ("top.kdl", "include \"a\" \ninclude \"b\"\nstart \"ramdisk\""),
        ("a.kdl", "include \"base\""),
        ("b.kdl", "include \"./base.kdl\""),
        ("base.kdl", "server \"ramdisk\""),
    ];
    let outcome = check_files(&files, &Request::default());
    assert_eq!(shown(&outcome), "");
}

#[test]
fn the_system_may_say_who_answers_for_a_service() {
    let text = "\
server \"below\" file=\"ramdisk\"
server \"above\" file=\"relay\" { connect \"below\" \"below\"; }
server \"ext4\"
connect \"BlockDevice\" \"above\"
start \"ext4\"";
    let plan = planned(text, &Request::default());
    assert_eq!(bound(&plan, "ext4", 0), "above");
    assert_eq!(bound(&plan, "above", 0), "below");
}

#[test]
fn a_file_system_that_a_launcher_can_find_by_name_is_planned() {
    let text = "\
server \"shell\" { grant \"Launcher\"; connect \"files\" \"main\"; }
server \"serial\" { ports first=0x3f8 count=8; interrupt 4; hosted native=\"console\"; }
server \"main\" file=\"ext4\" { connect \"disk\" \"ramdisk\"; }
server \"other\" file=\"ext4\" { connect \"disk\" \"virtio\"; }
server \"ramdisk\"
server \"virtio\" file=\"virtio-blk\" { device \"1af4:1042\"; }
server \"pci\" { grant \"PortSpace\"; }
start \"shell\"";
    assert!(names(&planned(text, &Request::default())).contains(&"other"));
    // Hosted, its disk is hardware without a counterpart: the name leads nowhere, which is no error.
    assert_eq!(names(&planned(text, &hosted())), ["ramdisk", "main", "shell"]);
}
