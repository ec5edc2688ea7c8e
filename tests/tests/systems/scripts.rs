//! What a script sees: only the output of its commands, and the last status.

use warren_tests::{
    disk,
    run::{Run, root},
    variant::{self, SEVERAL_CPUS, Variant},
};

const WAYS: [Variant; 2] = [variant::OWN, variant::HOSTED];

/// Output and status of a script, in a machine and hosted.
fn gives(lines: &[&str], output: &str, status: i32) {
    gives_in(&WAYS, lines, output, status);
}

fn gives_in(variants: &[Variant], lines: &[&str], output: &str, status: i32) {
    for variant in variants {
        let run = Run::new("demo", lines).placed(variant).disk(&disk::known().image).go();
        assert_eq!(run.output, output, "{}: {run}", variant.name);
        assert_eq!(run.errors, "", "{}: {run}", variant.name);
        assert_eq!(run.status, Some(status), "{}: {run}", variant.name);
    }
}

#[test]
fn only_the_output_of_the_commands_is_printed() {
    gives(&["echo one", "echo two | cat"], "one\ntwo\n", 0);
}

#[test]
fn scripts_do_the_same_on_several_cpus_that_preempt_at_random() {
    let lines = ["echo one", "echo two | cat", "head -n 1 /poem.txt | wc -l", "exit 42"];
    gives_in(&SEVERAL_CPUS, &lines, "one\ntwo\n1\n", 42);
}

#[test]
fn the_status_is_that_of_the_last_command() {
    gives(&["true", "false"], "", 1);
    gives(&["false", "true"], "", 0);
    gives(&["exit 42", "echo never"], "", 42);
}

#[test]
fn an_empty_script_does_nothing() {
    gives(&[], "", 0);
}

#[test]
fn a_long_script_loses_no_line() {
    let lines: Vec<String> = (0..300).map(|number| format!("echo line {number}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let output: String = (0..300).map(|number| format!("line {number}\n")).collect();
    gives(&lines, &output, 0);
}

#[test]
fn a_long_output_loses_no_byte() {
    let tree = &disk::known().tree;
    let poem = std::fs::read_to_string(tree.join("poem.txt")).expect("the tree is there");
    let lines = ["cat /poem.txt"; 20];
    gives(&lines, &poem.repeat(20), 0);
}

#[test]
fn every_document_on_the_demo_disk_has_the_hash_that_it_has_here() {
    for variant in WAYS.into_iter().chain(SEVERAL_CPUS) {
        let run =
            Run::new("demo", &["sha256 /docs/*", "sha256 /decisions/*"]).placed(&variant).go();
        run.expect_status(0);
        assert_eq!(run.errors, "", "{}: {run}", variant.name);
        for (file, document) in
            [("README.md", "/docs/README.md"), ("docs/limits.md", "/docs/limits.md")]
        {
            let hash = disk::sha256sum(&root(), &[file.into()]).replace(file, document);
            assert!(run.output.contains(&hash), "{}: no `{hash}` in {run}", variant.name);
        }
    }
}
