//! What the shell's own commands do, and how programs are run.

use super::support::{check, world};

const TREE: &[(&str, &str)] = &[("/docs/sub/c.md", "# alpha\n"), ("/numbers", "10\n")];

#[test]
fn cd_changes_the_directory_of_programs() {
    let mut fake = world(TREE);
    let script = "cd /docs/sub; pwd; cat x; cd ..; pwd; cat; cd; pwd";
    assert_eq!(fake.run(script), ("/docs/sub\n/docs\n/\n".into(), 0));
    let cat = |directory: &str, arguments: &[&str]| {
        let arguments = arguments.iter().map(|word| (*word).into()).collect();
        ("cat".into(), directory.into(), arguments)
    };
    assert_eq!(fake.started, [cat("/docs/sub", &["x"]), cat("/docs", &[])]);
}

#[test]
fn cd_refuses_what_is_no_directory() {
    let shown = "cd: /numbers: a part of the path is not a directory\n/\n";
    check(TREE, "cd /numbers; pwd", shown, 0);
    check(TREE, "cd /none", "cd: /none: no such file or directory\n", 1);
}

#[test]
fn echo_shows_its_arguments() {
    check(&[], "echo -n a; echo -x b", "a-x b\n", 0);
}

#[test]
fn exit_refuses_what_is_no_status() {
    let usage = "usage: exit [STATUS]\n`help exit` says more\n";
    check(&[], "exit 256", &format!("exit: not a status from 0 to 255: 256\n{usage}"), 2);
}

#[test]
fn help_explains_every_command() {
    for command in crate::commands::ALL {
        let (output, status) = world(&[]).run(&format!("help {}", command.name));
        assert!(output.contains(&command.manual.usage(command.name)), "{output}");
        assert_eq!(status, 0);
    }
    check(&[], "help cat", "how to use cat\n", 0);
    check(&[], "help none", "help: none: no such command\n", 1);
}

#[test]
fn help_lists_commands_and_programs_in_order() {
    let (output, status) = world(&[]).run("help");
    let list: Vec<_> = output.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(status, 0);
    assert!(list.is_sorted(), "{output}");
    assert_eq!(list.len(), crate::commands::ALL.len() + 8);
    assert!(list.contains(&"seven    has status 7"), "{output}");
    assert!(list.contains(&"true     succeed"), "{output}");
}

#[test]
fn commands_are_listed_in_order() {
    assert!(crate::commands::ALL.is_sorted_by_key(|command| command.name));
}

#[test]
fn commands_refuse_an_unknown_option_with_their_usage() {
    for name in ["cd", "exit", "help", "pwd"] {
        let command = crate::commands::find(name).expect("it is one");
        let usage = command.manual.reminder(name);
        let shown = format!("{name}: unknown option -Z\n{usage}");
        check(&[], &format!("{name} -Z"), &shown, 2);
    }
}

#[test]
fn the_status_of_a_program_is_that_of_its_stream() {
    check(&[], "seven", "", 7);
    check(&[], "huge", "", 255);
    check(&[], "echo a | seven | cat", "", 0);
}

#[test]
fn a_program_without_a_stream_before_it_reads_the_lines_that_follow() {
    check(&[], "cat\necho not a command", "echo not a command\n", 0);
}

#[test]
fn a_program_that_dies_is_a_status() {
    check(&[], "half; echo $?", "half\nhalf: the server died\n1\n", 0);
    check(&[], "dead || echo on", "dead: the server died\non\n", 0);
}

#[test]
fn a_program_that_cannot_be_loaded_is_a_status() {
    check(&[], "busy", "busy: a constructor failed; the log says which\n", 1);
}

#[test]
fn a_server_that_is_no_program_is_no_command() {
    check(&[], "none", "none: no such command; try help\n", 127);
}

#[test]
fn a_program_that_understands_nothing_ends_the_pipeline() {
    let mut fake = world(&[]);
    assert_eq!(fake.run("misused | cat"), ("misused: no such option\n".into(), 2));
    assert_eq!(fake.started.len(), 1);
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let long = "x".repeat(40_000);
    check(&[], &format!("cat {long}"), "cat: the arguments are too long\n", 2);
    check(&[], "cat a\0b", "cat: an argument has a zero byte\n", 2);
}

#[test]
fn all_streams_of_a_pipeline_are_closed() {
    let mut fake = world(&[]);
    fake.run("echo a | cat | cat | cat; half | misused");
    assert_eq!(fake.closed, 4);
}

#[test]
fn interruption_ends_a_program_and_its_line() {
    let mut fake = world(&[]);
    fake.interrupt_after = Some(5);
    let (output, status) = fake.run("endless; echo no\necho $?");
    let (endless, rest) = output.rsplit_once('x').expect("it puts out");
    assert_eq!((rest, status), ("130\n", 0));
    assert!(endless.len() < 1 << 20, "{} bytes were read", endless.len());
}
