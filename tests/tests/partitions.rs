//! Disks with partition tables that the host's tools made.

use std::fs;

use warren_tests::{
    disk,
    run::{Run, folder},
    variant::{self, Variant},
};

/// Reads both volumes of a disk with two partitions.
fn both_are_read(label: &str, variant: &Variant) {
    let folder = folder(&format!("partitions-{label}-{}", variant.name));
    let (tree, second) = (folder.join("tree"), folder.join("second.ext4"));
    fs::create_dir_all(&tree).expect("the target directory can be written");
    fs::write(tree.join("second.txt"), "on the second\n").expect("the tree can be written");
    disk::make(&tree, &second);
    let image = folder.join("disk.img");
    disk::partitioned(&image, label, &[&disk::known().image, &second]);
    let lines = [
        "sha256 /poem.txt /lengths/300000",
        "mount ext4-2 /second; mount",
        "ls / /second",
        "cat /second/second.txt",
        "mount ext4-3 /third; echo status $?",
    ];
    let run = Run::new("demo", &lines).placed(variant).disk(&image).go();
    let hashes =
        disk::sha256sum(&disk::known().tree, &["poem.txt", "lengths/300000"].map(Into::into));
    for line in hashes.lines() {
        let (hash, file) = line.split_once("  ").expect("sha256sum writes two columns");
        assert!(
            run.output.contains(&format!("{hash}  /{file}")),
            "{label} {}: {run}",
            variant.name
        );
    }
    let has = |line: &str| run.lines().contains(&line);
    assert!(has("/") && has("/second") && has("poem.txt"), "{label} {}: {run}", variant.name);
    assert!(has("on the second") && has("second.txt"), "{label} {}: {run}", variant.name);
    let missing = "partition-3: not started: the partition table has no partition with this number";
    assert!(has("status 1") && run.errors.contains(missing), "{label} {}: {run}", variant.name);
}

#[test]
fn a_disk_with_an_mbr_is_read_in_every_placement() {
    variant::ALL.iter().for_each(|variant| both_are_read("dos", variant));
}

#[test]
fn a_disk_with_a_gpt_is_read() {
    [variant::OWN, variant::HOSTED].iter().for_each(|variant| both_are_read("gpt", variant));
}
