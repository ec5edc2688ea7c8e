//! The log server: what it keeps, and what is left when it dies.

use warren_tests::{
    disk,
    run::{Ended, Run},
    variant,
};

/// Number of the first line of the output that ends so.
#[track_caller]
fn position(run: &Ended, end: &str) -> usize {
    let found = run.lines().iter().position(|line| line.ends_with(end));
    found.unwrap_or_else(|| panic!("no line ends with `{end}`: {run}"))
}

#[test]
fn lines_are_kept_from_the_first_on_in_every_placement() {
    for variant in variant::ALL {
        // In one domain all servers die together.
        let death = if variant == variant::SHARED {
            "true"
        } else {
            "crash ext4 panic; ls /; ls / | wc -l"
        };
        let lines = [death, "log", "echo --", "log -s ext4"];
        let run = Run::new("demo", &lines).placed(&variant).disk(&disk::known().image).go();
        run.expect_status(0);
        // What a server writes itself, and what the system writes of servers.
        assert!(position(&run, "] log: started") < position(&run, "] shell: started"), "{run}");
        let mounted = position(&run, "] ext4: 16384 blocks of 1024 bytes");
        if variant != variant::SHARED {
            assert!(
                mounted < position(&run, "] ext4: error: panicked: "),
                "{}: {run}",
                variant.name
            );
        }
        let (all, of_ext4) = run.output.split_once("--\n").expect("what `echo` prints");
        let mine = all.lines().filter(|line| line.contains("] ext4: "));
        assert!(mine.eq(of_ext4.lines()), "{}: {run}", variant.name);
    }
}

#[test]
fn a_log_that_died_comes_back_with_the_newest_lines() {
    for variant in [variant::KERNEL, variant::OWN, variant::HOSTED] {
        let lines = ["crash log panic; log -n 1", "log -s log; ls / | wc -l; log -s ext4"];
        let run = Run::new("demo", &lines).placed(&variant).disk(&disk::known().image).go();
        run.expect_status(0);
        assert_eq!(run.lines()[0], "log: the server died", "{}: {run}", variant.name);
        let died = position(&run, "] log: error: panicked: ");
        assert!(position(&run, "] log: started") < died, "{}: {run}", variant.name);
        // It is told of new lines again.
        assert!(died < position(&run, "] ext4: 16384 blocks of 1024 bytes"), "{run}");
    }
}

#[test]
fn a_system_without_a_log_server_has_no_log_to_show() {
    let system = warren_tests::run::folder("systems").join("no-log.kdl");
    let text = "server \"serial\" { ports first=0x3f8 count=8; interrupt 4; hosted native=\"console\"; }\n\
                server \"namespace\"\nserver \"terminal\"\n\
                server \"shell\" { grant \"Launcher\" \"Power\"; }\nstart \"shell\"\n";
    std::fs::write(&system, text).expect("the target directory can be written");
    let run = Run::new(&system.display().to_string(), &["log", "echo up"]).go();
    assert_eq!(run.output, "log: no such command; try help\nup\n", "{run}");
}
