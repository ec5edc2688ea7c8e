//! Disks with partition tables, and with volumes of several kinds, that the host's tools made.

use std::fs;

use warren_tests::{
    disk,
    run::{Run, folder},
    variant::{self, SEVERAL_CPUS, Variant},
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
    let variants = [variant::OWN, variant::HOSTED];
    variants.iter().chain(&SEVERAL_CPUS).for_each(|variant| both_are_read("gpt", variant));
}

/// Everything that a volume without symbolic links can have of the known disk.
fn script() -> Vec<String> {
    let mut lines: Vec<String> = [
        "ls / | wc -l",
        "ls /lengths",
        "ls /empty",
        "cat /deep/a/b/c/leaf.txt",
        "cat /DEEP/A/HAY.TXT",
        "grep -c burrow /poem.txt",
        "cat /missing",
        "cat /poem.txt/x",
        "cat /deep",
    ]
    .map(String::from)
    .into();
    lines.extend(disk::files().iter().map(|file| format!("sha256 /{file}")));
    lines
}

#[test]
fn a_fat_volume_is_read_in_every_placement() {
    let tree = &disk::known().tree;
    let image = folder("fat").join("disk.fat");
    disk::make_fat(tree, &image);
    let runs = variant::ALL
        .map(|variant| (variant, Run::new("demo", &script()).placed(&variant).disk(&image).go()));
    let (_, first) = &runs[0];
    for (variant, run) in &runs {
        assert_eq!(run.output, first.output, "{}: {run}", variant.name);
    }
    for line in disk::sha256sum(tree, &disk::files()).lines() {
        let (hash, file) = line.split_once("  ").expect("sha256sum writes two columns");
        assert!(first.output.contains(&format!("{hash}  /{file}")), "{first}");
    }
    let lines = first.lines();
    for line in [
        "the needle is here",
        "more hay",
        "cat: /missing: no such file or directory",
        "cat: /poem.txt/x: a part of the path is not a directory",
    ] {
        assert!(lines.contains(&line), "no line `{line}`: {first}");
    }
    assert!(lines.contains(&"065537") && lines.contains(&"300000"), "{first}");
}

#[test]
fn a_partition_is_mounted_as_what_it_is() {
    let folder = folder("partitions-fat");
    let (second, image) = (folder.join("second.fat"), folder.join("disk.img"));
    disk::make_fat(&disk::known().tree, &second);
    disk::partitioned(&image, "gpt", &[&disk::known().image, &second]);
    let lines = ["mount ext4-2 /second; head -n 1 /poem.txt /second/poem.txt", "servers"];
    let run = Run::new("demo", &lines).disk(&image).go();
    let first = "line 1 of a burrow with 1 entrances";
    assert_eq!(run.lines().iter().filter(|line| **line == first).count(), 2, "{run}");
    assert!(run.lines().iter().any(|line| line.starts_with("fat-2 ")), "{run}");
}
