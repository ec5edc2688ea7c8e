//! Programs beside each other: what goes through a pipeline, and what happens if one of them dies.

use std::fs;

use warren_tests::{
    changed::changed,
    disk,
    run::{Ended, Run},
    variant::{self, SEVERAL_CPUS, Variant},
};

/// Placements in which a program can die alone: in one domain with all others, it takes the shell with it.
const APART: [Variant; 4] = [variant::KERNEL, variant::OWN, variant::MIXED, variant::HOSTED];

fn run(variant: &Variant, lines: &[&str]) -> Ended {
    Run::new("demo", lines).placed(variant).disk(&disk::known().image).go()
}

/// What a script shows, in these placements.
fn shows(variants: &[Variant], lines: &[&str], shown: &str) {
    for variant in variants {
        let run = run(variant, lines);
        assert_eq!(run.output, shown, "{}: {run}", variant.name);
    }
}

#[test]
fn the_longest_pipeline_has_room_in_every_placement() {
    let cats = " | cat".repeat(6);
    let line = format!("cat /poem.txt /lengths/300000{cats} | sha256");
    let tree = &disk::known().tree;
    let both = ["poem.txt", "lengths/300000"].map(|name| fs::read(tree.join(name)).unwrap());
    let joined = tree.with_file_name("joined");
    fs::write(&joined, both.concat()).expect("the target directory can be written");
    let sums = disk::sha256sum(&joined.with_file_name(""), &["joined".into()]);
    let sum = sums.split_whitespace().next().expect("sha256sum writes two columns");
    let shown = format!("{sum}  -\n");
    shows(&variant::ALL, &[&line], &shown);
    shows(&SEVERAL_CPUS, &[&line], &shown);
}

#[test]
fn a_program_that_dies_is_an_error_and_the_shell_goes_on() {
    // `crash` is read by the `cat` behind it, whose next call is the one that fails.
    let lines = [
        "crash cat | cat - /deep/a/hay.txt",
        "echo status $?",
        "head -n 1 /poem.txt | cat",
        "crash cat | cat - /deep/a/hay.txt | wc -l",
        "echo status $?",
        "cat /deep/a/hay.txt && servers | grep -c '^cat '",
    ];
    let shown = "\
hay
more hay
cat: the server died
status 1
line 1 of a burrow with 1 entrances
wc: (input): the server died
2
status 1
hay
more hay
0
";
    shows(&APART, &lines, shown);
    shows(&SEVERAL_CPUS, &lines, shown);
}

#[test]
fn a_program_is_there_only_while_it_runs() {
    let lines = [
        "servers | grep -c '^cat '",
        "cat /poem.txt | cat | servers | grep -c '^cat '",
        "servers | grep -c '^cat '",
    ];
    shows(&variant::ALL, &lines, "0\n1\n0\n");
}

#[test]
fn a_reader_who_has_enough_ends_the_pipeline() {
    let lines = ["find / | head -n 1", "cat /lengths/300000 /poem.txt | head -n 0; echo on"];
    shows(&variant::ALL, &lines, "/\non\n");
}

#[test]
fn every_program_is_listed_and_refuses_what_it_does_not_know() {
    // These take words with dashes as text, or as tests of their own.
    let others = ["echo", "false", "find", "true"];
    for variant in [variant::OWN, variant::HOSTED] {
        let help = run(&variant, &["help"]);
        let listed = help.lines().into_iter().take_while(|line| !line.is_empty());
        let names: Vec<_> = listed.filter_map(|line| line.split_whitespace().next()).collect();
        assert!(names.is_sorted() && names.len() >= 24, "{}: {help}", variant.name);
        let names: Vec<_> = names.into_iter().filter(|name| !others.contains(name)).collect();
        let lines: Vec<_> = names.iter().map(|name| format!("{name} -Z; help {name}")).collect();
        let run = Run::new("demo", &lines).placed(&variant).disk(&disk::known().image).go();
        for name in names {
            let refusal = format!("{name}: unknown option -Z\nusage: {name}");
            assert!(run.output.contains(&refusal), "{name} {}: {run}", variant.name);
            assert!(run.output.contains(&format!("\n{name}: ")), "{name} {}: {run}", variant.name);
        }
    }
}

#[test]
fn what_went_wrong_is_said_of_what_it_is_about() {
    let lines = [
        "mount ext4 /again; mount; unmount /again; mount",
        "mount none /x",
        "mount ext4 /",
        "mount x",
        "unmount /x; echo status $?",
        "crash ext4 tea",
        "crash none; echo status $?",
        "ext4; echo status $?",
    ];
    let shown = "\
/
/again
/
mount: none: the system file names no such server
mount: /: something is mounted at that very path
mount: PATH is missing
usage: mount [SERVER PATH]
`help mount` says more
unmount: /x: nothing is mounted at that path
status 1
crash: tea: there is no such fault
crash: none: there is no such server
status 1
ext4: no such command; try help
status 127
";
    shows(&[variant::KERNEL, variant::OWN, variant::HOSTED], &lines, shown);
}

#[test]
fn a_person_ends_a_pipeline_that_is_at_work() {
    let system = changed("demo", "change \"terminal\" { parameter \"mode\" \"interactive\"; }");
    for variant in [variant::OWN, variant::HOSTED] {
        // ^C is there before the first program looks for it.
        let lines = ["cat | sha256 /lengths/* -; echo no", "\u{3}echo status $?", "exit 3"];
        let run = Run::new(&system, &lines).placed(&variant).disk(&disk::known().image).go();
        assert_eq!(run.status, Some(3), "{}: {run}", variant.name);
        assert!(run.output.contains("\nstatus 130\r\n"), "{}: {run}", variant.name);
        assert!(!run.output.contains("\nno\r\n"), "{}: {run}", variant.name);
    }
}
