//! Interrupts: how the disk signals on each machine, and which CPUs it interrupts.

use warren_tests::{changed::changed, disk, run::Run};

/// The first system with somebody who reads a file first, and then computes all the time: whatever CPU that is, whoever reads beside is on another one.
fn crowded() -> String {
    let greedy = "server \"greedy\" {\n    connect \"files\" \"namespace\"\n    parameter \"reads\" 100000\n    \
                  parameter \"passes\" 20\n}\nstart \"greedy\"";
    changed("demo", greedy)
}

/// Reads a file in a system, with so many CPUs and further arguments, and returns what `interrupts -j` says of the disk's line.
fn disk_line(system: &str, cpus: &str, arguments: &[&str]) -> String {
    // Many reads: some of them are over before anybody waits, and their interrupts go where the ones before went.
    let lines = ["head -n 1 /poem.txt", "cat /lengths/* | wc", "interrupts -j"];
    let run = Run::new(system, &lines)
        .with(["--cpus", cpus])
        .with(arguments)
        .disk(&disk::known().image)
        .go();
    run.expect_status(0);
    assert!(run.output.starts_with("line 1 of a burrow with 1 entrances\n"), "{run}");
    // The other one is the terminal's.
    let is_disk = |line: &&str| line.starts_with('{') && !line.starts_with("{\"line\":4,");
    let found: Vec<&str> = run.output.lines().filter(is_disk).collect();
    assert_eq!(found.len(), 1, "{run}");
    found[0].into()
}

/// The numbers behind a key of a line, in brackets or not.
fn numbers(line: &str, key: &str) -> Vec<u64> {
    let behind = line.split_once(&format!("\"{key}\":")).expect("lines have all keys").1;
    let value = behind.trim_start_matches('[').split([']', '}', '"']).next().unwrap_or_default();
    value.split(',').map_while(|number| number.parse().ok()).collect()
}

fn expect(line: &str, kind: &str) {
    assert!(line.contains(&format!("\"kind\":\"{kind}\"")), "{line}");
    assert!(numbers(line, "count")[0] > 0, "{line}");
}

#[test]
fn a_disk_on_the_bus_interrupts_by_messages() {
    for machine in ["q35", "pc"] {
        let line = disk_line("demo", "1", &["--machine", machine]);
        expect(&line, "message");
    }
}

#[test]
fn a_disk_without_messages_asserts_its_line() {
    let without = ["--qemu", "-global", "--qemu", "virtio-blk-pci.vectors=0"];
    expect(&disk_line("demo", "1", &without), "level");
    expect(&disk_line("demo", "1", &[&["--machine", "pc"], &without[..]].concat()), "level");
    expect(&disk_line("demo", "1", &["--machine", "microvm"]), "edge");
}

/// Two threads read, one on another CPU than the one that boots: its interrupts follow it, whatever kind they are.
#[test]
fn a_disk_interrupts_the_cpu_on_which_somebody_waits_for_it() {
    let without = ["--qemu", "-global", "--qemu", "virtio-blk-pci.vectors=0"];
    for (arguments, kind) in
        [(&[][..], "message"), (&without[..], "level"), (&["--machine", "microvm"][..], "edge")]
    {
        let line = disk_line(&crowded(), "4", arguments);
        expect(&line, kind);
        let by_cpu = numbers(&line, "by_cpu");
        assert_eq!(by_cpu.len(), 4, "{line}");
        assert_eq!(by_cpu.iter().sum::<u64>(), numbers(&line, "count")[0], "{line}");
        assert!(by_cpu[1..].iter().sum::<u64>() > 0, "{line}");
    }
}
