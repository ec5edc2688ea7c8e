//! Who pays for what servers do, and whether the books balance.

use serde_json::Value;
use warren_tests::{
    books::{Books, account},
    changed::changed,
    run::{Ended, Run},
    variant::{HOSTED, KERNEL, MIXED, OWN, PROCESSES, SHARED, Variant},
};

/// How far from ten times as much it may be: 2 %.
const TOLERATED: f64 = 0.2;

#[test]
fn who_asks_for_ten_times_as_much_pays_ten_times_as_much_wherever_servers_are() {
    for variant in [KERNEL, OWN, SHARED, MIXED] {
        let books = Books::of("accounts", "small large", &variant);
        let (small, large) = (books.account("small"), books.account("large"));
        let ratio = large.in_all as f64 / small.in_all as f64;
        println!("{}: {ratio:.3}", variant.name);
        assert!((ratio - 10.0).abs() <= TOLERATED, "{}: {ratio}: {books:?}", variant.name);
    }
}

/// Principals that work, of which one reads files, one computes, and one makes objects.
const WORKERS: [&str; 3] = ["reader", "computer", "maker"];
/// Parts of all that is used by which a share may differ from place to place: borders between domains cost those more who cross them more often.
const SHARE: f64 = 0.03;
/// The part that is charged to the system, whose servers do most of the work.
const SYSTEM: f64 = 0.02;
/// What a principal holds whose threads have all ended, of memory: tables for pages of stacks, which a domain keeps as long as it lives.
const TABLES_BYTES: u64 = 64 * 1024;

#[test]
fn the_same_work_is_charged_to_the_same_principals_wherever_servers_are() {
    let look = |variant: &Variant| {
        let script = [format!("auditor {}", WORKERS.join(" ")), "accounts -j".into()];
        let run = Run::new("payers", &script).placed(variant).with(["--count-instructions"]).go();
        run.expect_status(0);
        run
    };
    let shares = |run: &Ended| {
        let used = |name: &str| account(name, run)["used_ns"].as_f64().expect("a number");
        let (system, workers) = (used("system"), WORKERS.map(used));
        // How often the person looks depends on how long the disk takes.
        let all = system + workers.iter().sum::<f64>();
        (workers.map(|used| used / all), system / all)
    };
    let holds = |run: &Ended, what: &str| WORKERS.map(|name| account(name, run)[what].as_u64());
    let runs = [KERNEL, OWN, SHARED, MIXED].map(|variant| (variant, look(&variant)));
    let (_, first) = &runs[0];
    let (expected, _) = shares(first);
    for (variant, run) in &runs {
        let (found, system) = shares(run);
        println!("{}: {found:.3?}, system {system:.4}", variant.name);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= SHARE, "{}: {found}: {run}", variant.name);
        }
        assert!(system <= SYSTEM, "{}: {system}: {run}", variant.name);
        // Two objects in each of a hundred rounds, and the root; a reference to each that is kept, and to what the maker requires.
        assert_eq!(holds(run, "objects"), [Some(0), Some(0), Some(202)], "{}: {run}", variant.name);
        assert_eq!(holds(run, "references"), holds(first, "references"), "{}: {run}", variant.name);
        let memory = holds(run, "memory_bytes").map(|bytes| bytes.expect("a number"));
        let [_, _, held] = memory;
        let [_, _, expected] = holds(first, "memory_bytes").map(|bytes| bytes.expect("a number"));
        // The maker's domain is its principal's.
        assert!((expected..=expected + TABLES_BYTES).contains(&held), "{}: {run}", variant.name);
        assert!(memory[..2].iter().all(|bytes| *bytes <= TABLES_BYTES), "{}: {run}", variant.name);
    }
}

/// Linux counts time, and the same work takes more or less of it at different times: by a third, on machines that do other things besides. What is exact
/// there, instructions in a guest, is a row of `./warren bench accounts --against linux`.
#[test]
fn who_asks_for_ten_times_as_much_pays_about_ten_times_as_much_in_a_process() {
    let books = Books::of("accounts", "small large", &HOSTED);
    let (small, large) = (books.account("small"), books.account("large"));
    let ratio = large.in_all as f64 / small.in_all as f64;
    println!("{ratio:.3}");
    assert!((5.0..20.0).contains(&ratio), "{ratio}: {books:?}");
}

/// Parts of the time by which the books may be wrong: 0.1 %, which is what happens while they are read.
const PARTS: u64 = 1000;

#[test]
fn what_all_principals_used_and_idle_time_are_the_time_that_passed() {
    let of = |variant| Books::of("books", "small large sleeper", variant);
    balance(&of(&MIXED), &["small", "large", "sleeper"]);
    // The others may have ended before the first look there. Where domains are processes, a look takes too long to be one.
    balance(&of(&HOSTED), &["sleeper"]);
}

/// These principals have used something between the two looks.
#[track_caller]
fn balance(books: &Books, users: &[&str]) {
    let tolerated = books.elapsed / PARTS;
    let used: u64 = books.accounts.iter().map(|(_, account)| account.between).sum();
    assert!((used + books.idle).abs_diff(books.elapsed) <= tolerated, "{books:?}");
    // If one of these were missing, it would be seen.
    for name in users {
        assert!(books.account(name).between > 2 * tolerated, "{name}: {books:?}");
    }
    assert!(books.idle > 2 * tolerated, "{books:?}");
}

/// How often a principal was found in a server, and anywhere, of the lines of `accounts -s`.
#[track_caller]
fn samples(output: &str, principal: &str, server: &str) -> (u64, u64) {
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let own: Vec<Value> = lines.filter(|line| line["principal"] == principal).collect();
    let count = |line: &Value| line["samples"].as_u64().expect("a number");
    let there = own.iter().filter(|line| line["server"] == server).map(count).sum();
    (there, own.iter().map(count).sum())
}

/// Samples of a second, in which two clients work from its beginning to its end.
fn sampled(variant: &Variant, options: &[&str]) -> Ended {
    let endless = ["small", "large"]
        .map(|name| format!("change \"client-{name}\" {{ parameter \"reads\" {}; }}\n", u32::MAX));
    let system = changed("accounts", &endless.concat());
    let run = Run::new(&system, &["accounts -s 1 -j"]).placed(variant).with(options).go();
    run.expect_status(0);
    run
}

#[test]
fn samples_show_which_server_clients_in_a_process_spend_their_time_in() {
    let run = sampled(&PROCESSES, &[]);
    for name in ["small", "large"] {
        let (in_ext4, in_all) = samples(&run.output, name, "ext4");
        assert!(in_ext4 > 0 && in_ext4 < in_all, "{name}: {in_ext4} of {in_all}: {run}");
    }
}

#[test]
fn samples_show_which_server_two_clients_spend_their_time_in() {
    for variant in [KERNEL, OWN] {
        let run = sampled(&variant, &["--count-instructions"]);
        let mut shares = 0.0;
        for name in ["small", "large"] {
            let (in_ext4, in_all) = samples(&run.output, name, "ext4");
            assert!(in_all > 500, "{}: {name}: {run}", variant.name);
            let share = in_ext4 as f64 / in_all as f64;
            assert!((0.6..1.0).contains(&share), "{}: {name}: {share}: {run}", variant.name);
            shares += in_all as f64;
        }
        // Ten samples are taken in a millisecond, and nobody else has much to do.
        assert!((9000.0..=10_100.0).contains(&shares), "{}: {shares}: {run}", variant.name);
    }
}
