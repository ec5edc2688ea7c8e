//! One finding each: what is said, where, and what is suggested.

use super::*;

/// The findings of one file are exactly these: severity, line, column, part of the message, part
/// of the help.
#[track_caller]
pub fn found(text: &str, expected: &[(usize, usize, &str, &str)]) {
    found_in(text, &Request::default(), expected);
}

#[track_caller]
pub fn found_in(text: &str, request: &Request, expected: &[(usize, usize, &str, &str)]) {
    let outcome = check_files(&[("demo.kdl", text)], request);
    let all = shown(&outcome);
    assert_eq!(outcome.diagnostics.len(), expected.len(), "{all}");
    for (found, (line, column, message, help)) in outcome.diagnostics.iter().zip(expected) {
        let place = found.span.as_ref().map(|span| outcome.sources.line_and_column(span));
        assert_eq!(place.unwrap_or_default(), (*line, *column), "{all}");
        assert!(found.message.contains(message), "{all}");
        assert!(found.help.as_deref().unwrap_or_default().contains(help), "{all}");
    }
    let failed = outcome.count(super::super::Severity::Error) > 0;
    assert_eq!(outcome.plan.is_none(), failed, "{all}");
}

#[test]
fn a_finding_is_shown_with_line_caret_and_suggestion() {
    let outcome = check_files(
        &[("demo.kdl", "server \"disk\" file=\"ramdsik\"\nstart \"disk\"\n")],
        &Request::default(),
    );
    let expected = "\
error: no server file `ramdsik`
 --> demo.kdl:1:20
  |
1 | server \"disk\" file=\"ramdsik\"
  |                    ^^^^^^^^^
  |
  = help: did you mean `ramdisk`?
";
    assert_eq!(shown(&outcome), expected);
}

#[test]
fn all_errors_are_collected() {
    let text = "\
plce \"own\"
server \"disk\" file=\"ramdisc\"
server \"files\" file=\"ext4\" {
  parameter \"lable\" \"x\"
  place \"kernl\"
  connect \"dsk\" \"disk\"
}
start \"fils\"
";
    found(
        text,
        &[
            (1, 1, "unknown node `plce`", "did you mean `place`?"),
            (2, 20, "no server file `ramdisc`", "did you mean `ramdisk`?"),
            (4, 13, "no parameter `lable`", "did you mean `label`?"),
            (5, 9, "no placement `kernl`", "did you mean `kernel`?"),
            (6, 11, "no requirement `dsk`", "did you mean `disk`?"),
            (8, 7, "no server `fils` to start", "did you mean `files`?"),
        ],
    );
}

#[test]
fn text_that_is_not_kdl_is_shown_where_it_ends_to_be() {
    let outcome = check_files(&[("demo.kdl", "server \"a\" {\n")], &Request::default());
    assert!(outcome.plan.is_none());
    assert!(shown(&outcome).contains("demo.kdl:"), "{}", shown(&outcome));
}

#[test]
fn a_connection_to_a_server_that_does_not_exist_is_an_error() {
    let text = "server \"disk\" file=\"ramdisk\"\nserver \"ext4\" { connect \"disk\" \"dik\"; }\nstart \"ext4\" \"disk\"";
    found(text, &[(2, 32, "no server `dik`", "did you mean `disk`?")]);
}

#[test]
fn a_connection_to_a_server_of_another_service_says_what_would_do() {
    let text = "\
server \"disk\" file=\"ramdisk\"
server \"pci\" { grant \"PortSpace\"; }
server \"ext4\" { connect \"disk\" \"pci\"; }
start \"ext4\" \"disk\"";
    let expected = "`ext4` requires `BlockDevice` as `disk`, which `pci` does not provide";
    found(text, &[(3, 32, expected, "connect it to `disk`")]);
}

#[test]
fn a_requirement_that_several_servers_meet_is_ambiguous() {
    let text = "server \"a\" file=\"ramdisk\"\nserver \"b\" file=\"ramdisk\"\nserver \"ext4\"\nstart \"ext4\" \"a\" \"b\"";
    found(text, &[(3, 8, "which several servers provide", "with `a` or `b`")]);
}

#[test]
fn a_requirement_that_nobody_meets_names_the_files_that_would() {
    let expected = "these files do: `ramdisk`, `relay`, `virtio-blk`";
    found("server \"ext4\"\nstart \"ext4\"", &[(1, 8, "requires `BlockDevice`", expected)]);
}

#[test]
fn hardware_that_is_not_named_is_asked_for() {
    let text = "server \"serial\"\nstart \"serial\"";
    found(
        text,
        &[
            (1, 8, "`serial` requires `IoPorts` as `ports`", "ports first="),
            (1, 8, "`serial` requires `InterruptLine` as `interrupt`", "interrupt 4"),
        ],
    );
}

#[test]
fn hardware_that_the_server_does_not_want_is_an_error() {
    let text = "server \"ramdisk\" {\n  ports first=1 count=2\n  interrupt 4\n}\nstart \"ramdisk\"";
    found(
        text,
        &[
            (2, 3, "`ramdisk` requires no `IoPorts`", "take `ports` away"),
            (3, 3, "`ramdisk` requires no `InterruptLine`", "take `interrupt` away"),
        ],
    );
}

#[test]
fn hardware_that_is_named_twice_is_an_error() {
    let text = "server \"serial\" {\n  ports first=1 count=2\n  interrupt 4\n  interrupt 5\n}\nstart \"serial\"";
    found(text, &[(4, 3, "`interrupt` is said twice", "")]);
}

#[test]
fn ports_beyond_the_last_are_an_error() {
    let text =
        "server \"serial\" {\n  ports first=0xffff count=2\n  interrupt 4\n}\nstart \"serial\"";
    found(text, &[(2, 3, "there are no such ports", "")]);
}

#[test]
fn a_powerful_service_must_be_granted() {
    let text = "server \"pci\"\nstart \"pci\"";
    found(text, &[(1, 8, "`PortSpace`, which must be granted", "grant \"PortSpace\"")]);
}

#[test]
fn a_grant_that_nobody_wants_is_a_warning() {
    let text = "server \"ramdisk\" {\n  grant \"PortSpace\"\n}\nstart \"ramdisk\"";
    found(text, &[(2, 9, "does not require `PortSpace`", "take the grant away")]);
}

#[test]
fn a_grant_of_nothing_powerful_is_an_error() {
    let text = "server \"pci\" {\n  grant \"PortSpce\" \"PortSpace\"\n}\nstart \"pci\"";
    found(text, &[(2, 9, "no service that is granted", "did you mean `PortSpace`?")]);
}

#[test]
fn servers_that_need_each_other_are_shown_with_each_step() {
    let text = "\
server \"a\" file=\"relay\" { connect \"below\" \"b\"; }
server \"b\" file=\"relay\" { connect \"below\" \"a\"; }
start \"a\"";
    found(text, &[(1, 43, "servers need each other: a → b → a", "one of these must go")]);
}

#[test]
fn a_substitute_that_needs_what_it_replaces_is_a_cycle() {
    let text = "\
server \"disk\" file=\"ramdisk\" { otherwise \"spare\"; }
server \"spare\" file=\"relay\" { connect \"below\" \"disk\"; }
start \"disk\"";
    found(text, &[(1, 42, "servers need each other: disk → spare → disk", "")]);
}

#[test]
fn a_substitute_must_provide_the_same() {
    let text = "server \"disk\" file=\"ramdisk\" { otherwise \"pci\"; }\nserver \"pci\" { grant \"PortSpace\"; }\nstart \"disk\"";
    found(text, &[(1, 42, "`pci` cannot stand in for `disk`", "")]);
}

#[test]
fn two_servers_of_one_name_are_an_error() {
    let text = "server \"disk\" file=\"ramdisk\"\nserver \"disk\" file=\"ramdisk\"\nstart \"disk\"";
    found(text, &[(2, 8, "two servers are called `disk`", "say `change \"disk\"`")]);
}

#[test]
fn what_is_said_twice_of_one_server_is_an_error() {
    let text = "\
server \"ramdisk\" {
  place \"own\"
  place \"kernel\"
  parameter \"size\" 1
  parameter \"size\" 2
}
start \"ramdisk\"";
    found(
        text,
        &[(3, 9, "`place` is said twice", ""), (5, 13, "parameter `size` is said twice", "")],
    );
}

#[test]
fn a_server_that_nobody_uses_is_a_warning() {
    let text = "server \"ramdisk\"\nserver \"spare\" file=\"ramdisk\"\nstart \"ramdisk\"";
    found(text, &[(2, 8, "nobody uses the server `spare`", "")]);
}

#[test]
fn a_system_that_starts_nothing_is_an_error() {
    found("server \"ramdisk\"", &[(0, 0, "the system starts nothing", "start")]);
}

#[test]
fn a_shared_placement_needs_its_domain() {
    let text = "server \"ramdisk\" {\n  place \"shared\"\n}\nstart \"ramdisk\"";
    found(text, &[(2, 9, "no placement `shared`", "which domain")]);
}

#[test]
fn values_of_the_wrong_kind_are_errors() {
    let text = "\
server \"ramdisk\" {
  memory-limit \"4 MB\"
  watchdog \"soon\"
  restart times=-1
  hosted \"maybe\"
  parameter \"size\"
}
server \"virtio-blk\" { device \"1af4\" bus=\"pci\"; }
server \"pci\" { grant \"PortSpace\"; }
start \"ramdisk\" \"virtio-blk\"";
    found(
        text,
        &[
            (2, 16, "a number of bytes", ""),
            (3, 12, "a time in milliseconds", ""),
            (4, 17, "a whole number", ""),
            (5, 3, "`hosted` needs one counterpart", "native="),
            (6, 3, "`parameter` takes 2 arguments, not 1", ""),
            (8, 30, "vendor and device in hexadecimal", ""),
        ],
    );
}

#[test]
fn a_pause_is_no_longer_than_what_it_grows_to() {
    let text = "\
server \"ramdisk\" {
  restart times=3 within=500 pause=\"1 s\"
}
start \"ramdisk\"";
    found(text, &[(2, 3, "`pause` is longer than `within`", "pauses grow")]);
}

#[test]
fn files_that_include_each_other_are_an_error() {
    let files = [("a.kdl", "include \"b\"\n"), ("b.kdl", "include \"./a.kdl\"\n")];
    let outcome = check_files(&files, &Request::default());
    let all = shown(&outcome);
    assert!(all.contains("files include each other: a.kdl → b.kdl → a.kdl"), "{all}");
    assert!(all.contains("b.kdl:1:9"), "{all}");
}

#[test]
fn an_included_file_that_is_missing_is_shown_where_it_is_included() {
    let outcome = check_files(&[("a.kdl", "include \"gone\"\n")], &Request::default());
    let all = shown(&outcome);
    assert!(all.contains("cannot read system file `gone.kdl`: there is no such file"), "{all}");
    assert!(all.contains("a.kdl:1:9"), "{all}");
}

#[test]
fn a_placement_on_the_command_line_must_name_a_server() {
    let placements = vec![("ramdsk".to_owned(), super::super::Placement::Own)];
    let request = Request { placements, ..Request::default() };
    let text = "server \"ramdisk\"\nstart \"ramdisk\"";
    found_in(text, &request, &[(0, 0, "no server `ramdsk`", "did you mean `ramdisk`?")]);
}

#[test]
fn hardware_without_a_counterpart_cannot_be_hosted() {
    let text = "\
server \"serial\" {
  ports first=0x3f8 count=8
  interrupt 4
}
start \"serial\"";
    let expected = "`serial` needs hardware, which a Linux process has not";
    let help = "hosted native=\"OBJECT\"";
    found_in(text, &hosted(), &[(2, 3, expected, help), (3, 3, expected, help)]);
}

#[test]
fn two_meanings_of_one_service_are_shown() {
    let mut facts = facts();
    let ramdisk = facts.get_mut("ramdisk").expect("it is among them");
    ramdisk.provides[0].atomic = true;
    let text = "server \"ramdisk\"\nserver \"ext4\"\nstart \"ext4\"";
    let mut read = |_: &Path| Ok(text.to_owned());
    let outcome = check(Path::new("demo.kdl"), &facts, &Request::default(), &mut read);
    let all = shown(&outcome);
    assert!(
        all.contains("requires another `BlockDevice` as `disk` than `ramdisk` provides"),
        "{all}"
    );
    assert!(outcome.plan.is_none());
}

#[test]
fn more_servers_than_a_system_can_have_are_an_error() {
    let mut text = String::from("start \"s0\"\n");
    for at in 0..=1024 {
        text.push_str(&format!(
            "server \"s{at}\" file=\"relay\" {{ connect \"below\" \"s{}\"; }}\n",
            at + 1
        ));
    }
    text.push_str("server \"s1025\" file=\"ramdisk\"\n");
    let outcome = check_files(&[("demo.kdl", &text)], &Request::default());
    assert!(shown(&outcome).contains("at most 1024 servers"), "{}", shown(&outcome));
}

#[test]
fn a_port_of_the_host_leads_to_a_network_that_there_is_and_once() {
    let text = r#"
server "card" file="virtio-blk" { device "1af4:1041" bus="pci" nth=1; }
server "pci" { grant "PortSpace"; }
server "files" file="ext4"
start "files"
forward "8080:80"
forward "8081:80@1"
forward "8080:80@1/udp"
"#;
    found(text, &[]);
    found(
        &format!("{text}forward \"8086:80@2\"\nforward \"8081:80\"\n"),
        &[
            (9, 9, "`8086:80@2` leads nowhere", "those from @0 to @1"),
            (10, 9, "127.0.0.1:8081 is forwarded twice", ""),
        ],
    );
    let text = "server \"shell\" file=\"ramdisk\"\nstart \"shell\"\nforward \"8080:80\"\n";
    found(text, &[(3, 9, "`8080:80` leads nowhere", "the system has no network device")]);
    found_in(text, &hosted(), &[]);
}
