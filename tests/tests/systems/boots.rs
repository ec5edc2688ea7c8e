//! Machines and processors on which the system boots, and what is said when it cannot.

use std::{fs, time::Duration};

use warren_tests::{
    disc, disk,
    run::{Ended, Run, folder},
};

/// Boots, and reads a file.
fn boot(arguments: &[&str]) {
    let run = Run::new("demo", &["head -n 1 /poem.txt", "exit 5"])
        .with(arguments)
        .disk(&disk::known().image)
        .go();
    assert_eq!(run.output, "line 1 of a burrow with 1 entrances\n", "{run}");
    run.expect_status(5);
}

#[test]
fn it_boots_on_q35() {
    boot(&["--machine", "q35"]);
}

#[test]
fn it_boots_on_pc() {
    boot(&["--machine", "pc"]);
}

#[test]
fn it_boots_on_microvm_which_has_no_pci_bus() {
    boot(&["--machine", "microvm"]);
    boot(&["--machine", "microvm", "--place", "all=kernel"]);
}

#[test]
fn a_disk_on_no_bus_comes_back_when_its_driver_dies() {
    let lines = ["crash disk-on-no-bus panic; head -n 1 /poem.txt; head -n 1 /poem.txt"];
    let run =
        Run::new("demo", &lines).with(["--machine", "microvm"]).disk(&disk::known().image).go();
    assert!(run.output.ends_with("line 1 of a burrow with 1 entrances\n"), "{run}");
}

#[test]
fn it_boots_on_a_processor_with_no_extensions() {
    boot(&["--cpu", "qemu64"]);
    boot(&["--cpu", "qemu64", "--machine", "pc", "--place", "all=kernel"]);
}

#[test]
fn it_boots_from_a_disc_by_grub() {
    let made = disc::make("demo");
    let commands = ["head -n 1 /poem.txt", "exit 5"];
    let (seen, code) = disc::boot(&made, &disk::known().image, &commands);
    assert!(seen.contains("line 1 of a burrow with 1 entrances"), "{seen}");
    // The device's exit code is the status twice, and one.
    assert_eq!(code, Some(11), "{seen}");
}

#[test]
fn it_boots_with_little_memory() {
    boot(&["--memory", "48"]);
}

#[test]
fn it_boots_with_much_memory() {
    boot(&["--memory", "3072"]);
}

/// Nothing on the output, a message, a status, and soon.
fn refused(run: &Ended, message: &str) {
    assert!(run.errors.contains(message), "no `{message}` in: {run}");
    assert!(run.status.is_some_and(|status| status != 0), "{run}");
    assert!(run.time < Duration::from_secs(60), "{run}");
}

#[test]
fn too_little_memory_is_said() {
    let run = Run::new("demo", &["ls"]).with(["--memory", "8"]).go();
    refused(&run, "too little memory");
}

#[test]
fn a_missing_disk_image_is_said() {
    let run = Run::new("demo", &["ls"]).with(["--disk", "/nowhere/disk.ext4"]).go();
    refused(&run, "/nowhere/disk.ext4");
}

#[test]
fn a_missing_system_is_said() {
    let run = Run::new("dmeo", &["ls"]).go();
    refused(&run, "demo");
}

#[test]
fn an_image_of_nonsense_is_an_error_of_the_command_that_reads_it() {
    let image = folder("broken").join("nonsense.img");
    fs::write(&image, vec![0xa7; 1 << 20]).expect("the target directory can be written");
    for arguments in [&[][..], &["--hosted"][..]] {
        let run = Run::new("demo", &["echo up", "cat /poem.txt", "echo status $?"])
            .with(arguments)
            .disk(&image)
            .go();
        assert!(run.status.is_some(), "{run}");
        assert!(!run.output.contains("burrow"), "{run}");
        let reason = "ext4: not started: there is no intact ext2, ext3 or ext4 volume on the disk";
        assert!(run.errors.contains(reason), "it is said what is wrong: {run}");
    }
}

#[test]
fn an_image_that_ends_early_is_an_error_of_the_command_that_reads_it() {
    let whole = fs::read(&disk::known().image).expect("the image is there");
    let image = folder("broken").join("short.ext4");
    fs::write(&image, &whole[..whole.len() / 16]).expect("the target directory can be written");
    let run = Run::new("demo", &["sha256 /lengths/300000", "echo status $?", "echo alive"])
        .disk(&image)
        .go();
    assert!(run.status.is_some(), "{run}");
    let text = format!("{}{}", run.output, run.errors);
    assert!(text.contains("status 1") || text.contains("ext4"), "{run}");
}

#[test]
fn a_missing_file_is_said() {
    let run = Run::new("demo", &["cat /no/such/file"]).go();
    assert!(run.output.contains("cat: /no/such/file: no such file or directory"), "{run}");
    run.expect_status(1);
}
