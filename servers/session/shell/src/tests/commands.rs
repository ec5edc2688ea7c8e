//! What the commands do.

use warren_idl::LogRecord;

use super::support::{check, world};
use crate::world::LogLine;

const TREE: &[(&str, &str)] = &[
    ("/docs/a.txt", "alpha\nbeta\nAlpha\n"),
    ("/docs/b.txt", "beta beta\n\ngamma"),
    ("/docs/.hidden", "secret alpha\n"),
    ("/docs/sub/c.md", "# alpha\n"),
    ("/numbers", "10\n9\n-3\n9\nx\n"),
];

#[test]
fn cat_joins_files() {
    check(TREE, "cat /docs/b.txt /docs/sub/c.md", "beta beta\n\ngamma# alpha\n", 0);
}

#[test]
fn cat_goes_on_after_what_it_cannot_open() {
    let shown =
        "cat: /none: no such file or directory\ncat: /docs: the path names a directory\n# alpha\n";
    check(TREE, "cat /none /docs /docs/sub/c.md", shown, 1);
}

#[test]
fn cat_keeps_output_and_complaints_in_order() {
    let shown = "# alpha\ncat: /none: no such file or directory\n# alpha\n";
    check(TREE, "cat /docs/sub/c.md /none /docs/sub/c.md", shown, 1);
}

#[test]
fn cat_without_a_file_shows_the_lines_that_follow() {
    check(TREE, "cat\necho not a command", "echo not a command\n", 0);
}

#[test]
fn a_disk_error_in_the_middle_is_a_status() {
    let mut fake = world(TREE);
    fake.broken.push("/docs/a.txt".into());
    let (output, status) = fake.run("cat /docs/a.txt && echo no");
    assert_eq!((output.as_str(), status), ("cat: /docs/a.txt: the disk failed\n", 1));
    assert_eq!(fake.open_files(), 0);
}

#[test]
fn a_dead_file_system_is_a_status() {
    let mut fake = world(TREE);
    fake.lost.push("/docs/a.txt".into());
    let (output, status) = fake.run("sha256 /docs/a.txt /docs/sub/c.md | wc -l");
    assert_eq!(output, "sha256: /docs/a.txt: the server died\n1\n");
    assert_eq!(status, 0);
}

#[test]
fn head_shows_ten_lines_or_as_many_as_told() {
    let mut fake = world(&[]);
    fake.add("/long", "line\n".repeat(30).as_bytes());
    assert_eq!(fake.run("head /long").0, "line\n".repeat(10));
    assert_eq!(fake.run("head -n 2 /long").0, "line\n".repeat(2));
    assert_eq!(fake.run("head -n0 /long").0, "");
}

#[test]
fn head_titles_several_files() {
    let shown = "==> /docs/a.txt <==\nalpha\n\n==> /docs/sub/c.md <==\n# alpha\n";
    check(TREE, "head -n 1 /docs/a.txt /docs/sub/c.md", shown, 0);
}

#[test]
fn head_stops_the_command_before_it() {
    let mut fake = world(&[]);
    fake.add("/big", "x\n".repeat(10_000_000).as_bytes());
    assert_eq!(fake.run("cat /big | cat | head -n 1"), ("x\n".into(), 0));
    assert!(fake.bytes_read <= 16 * 1024, "{} bytes were read", fake.bytes_read);
}

#[test]
fn head_closes_the_file_that_it_leaves() {
    let mut fake = world(&[]);
    fake.add("/big", "x\n".repeat(100_000).as_bytes());
    fake.run("head -n 1 /big");
    assert_eq!(fake.open_files(), 0);
}

#[test]
fn wc_counts_lines_words_and_bytes() {
    check(TREE, "wc /docs/b.txt", "      2       3      16 /docs/b.txt\n", 0);
}

#[test]
fn wc_gives_a_script_one_bare_number() {
    check(TREE, "cat /docs/b.txt | wc -w", "3\n", 0);
    check(TREE, "wc -c /docs/b.txt", "16 /docs/b.txt\n", 0);
}

#[test]
fn wc_adds_several_files_up() {
    let shown = "      3 /docs/a.txt\n      2 /docs/b.txt\n      5 total\n";
    check(TREE, "wc -l /docs/a.txt /docs/b.txt", shown, 0);
}

#[test]
fn wc_counts_a_word_across_pieces_once() {
    let mut fake = world(&[]);
    fake.add("/word", "x".repeat(100_000).as_bytes());
    assert_eq!(fake.run("wc -w /word").0, "1 /word\n");
}

#[test]
fn grep_shows_matching_lines() {
    check(TREE, "grep alpha /docs/a.txt", "alpha\n", 0);
    check(TREE, "grep -i alpha /docs/a.txt", "alpha\nAlpha\n", 0);
    check(TREE, "grep -v beta /docs/a.txt", "alpha\nAlpha\n", 0);
    check(TREE, "grep -n beta /docs/a.txt", "2:beta\n", 0);
    check(TREE, "grep -c beta /docs/b.txt", "1\n", 0);
}

#[test]
fn grep_knows_regular_expressions() {
    check(TREE, "grep '^[ab].*a$' /docs/a.txt", "alpha\nbeta\n", 0);
    check(TREE, "grep '^$' /docs/b.txt", "\n", 0);
    check(TREE, r"grep '(be|al)\w+ ' /docs/b.txt", "beta beta\n", 0);
}

#[test]
fn grep_names_files_when_there_are_several() {
    let shown = "/docs/a.txt:beta\n/docs/b.txt:beta beta\n";
    check(TREE, "grep beta /docs/a.txt /docs/b.txt", shown, 0);
    check(TREE, "grep -l beta /docs/a.txt /docs/b.txt", "/docs/a.txt\n/docs/b.txt\n", 0);
    check(TREE, "grep -c beta /docs/a.txt /docs/b.txt", "/docs/a.txt:1\n/docs/b.txt:1\n", 0);
}

#[test]
fn grep_searches_whole_directories() {
    let shown = "/docs/.hidden:secret alpha\n/docs/a.txt:alpha\n/docs/sub/c.md:# alpha\n";
    check(TREE, "grep -r alpha /docs", shown, 0);
    check(TREE, "cd docs; grep -rl alpha", "./.hidden\n./a.txt\n./sub/c.md\n", 0);
}

#[test]
fn grep_closes_the_files_that_it_leaves() {
    let mut fake = world(TREE);
    fake.run("grep -rl a /");
    assert_eq!(fake.open_files(), 0);
}

#[test]
fn grep_tells_match_from_none_from_error() {
    check(TREE, "grep none /docs/a.txt", "", 1);
    let shown = "grep: /none: no such file or directory\nalpha\n";
    check(
        TREE,
        "grep -h x",
        "grep: unknown option -h\nusage: grep [-i] [-n] [-v] [-c] [-l] [-r] EXPRESSION [FILE…]\n",
        2,
    );
    check(TREE, "grep alpha /none - | cat\nalpha", &shown.replace("\nalpha", "\n(input):alpha"), 0);
    check(TREE, "grep alpha /none", "grep: /none: no such file or directory\n", 2);
}

#[test]
fn grep_refuses_what_is_no_expression() {
    let usage = "usage: grep [-i] [-n] [-v] [-c] [-l] [-r] EXPRESSION [FILE…]\n";
    check(TREE, "grep '(' /docs/a.txt", &format!("grep: not a regular expression: (\n{usage}"), 2);
    let big = "grep 'a{1000}{1000}' /docs/a.txt";
    let shown = format!("grep: not a regular expression: a{{1000}}{{1000}}\n{usage}");
    check(TREE, big, &shown, 2);
}

#[test]
fn grep_takes_bytes_that_are_no_text() {
    let mut fake = world(&[]);
    fake.add("/bytes", b"\xff\xfeneedle\x80\nother\n");
    assert_eq!(fake.run("grep -c needle /bytes").0, "1\n");
    fake.add("/binary", b"needle\0\nneedle\n");
    assert_eq!(fake.run("grep needle /binary").0, "grep: /binary: binary file matches\n");
}

#[test]
fn find_lists_a_tree_in_order() {
    let shown = "/docs\n/docs/.hidden\n/docs/a.txt\n/docs/b.txt\n/docs/sub\n/docs/sub/c.md\n";
    check(TREE, "find /docs", shown, 0);
    check(TREE, "cd /docs/sub; find", ".\n./c.md\n", 0);
}

#[test]
fn find_selects_by_name_and_type() {
    check(TREE, "find /docs -name '*.txt'", "/docs/a.txt\n/docs/b.txt\n", 0);
    check(TREE, "find / -type d", "/\n/docs\n/docs/sub\n", 0);
    check(TREE, "find / -type f -name 'c*'", "/docs/sub/c.md\n", 0);
}

#[test]
fn find_goes_on_after_what_is_not_there() {
    check(TREE, "find /none /numbers", "find: /none: no such file or directory\n/numbers\n", 1);
}

#[test]
fn find_does_not_follow_links() {
    let mut fake = world(TREE);
    fake.links.push("/docs/a.txt".into());
    assert_eq!(fake.run("find / -type l").0, "/docs/a.txt\n");
}

#[test]
fn find_refuses_unknown_tests() {
    let usage = "usage: find [PATH…] [-name PATTERN] [-type f|d|l]\n";
    check(TREE, "find / -size 3", &format!("find: unknown test -size\n{usage}"), 2);
    check(TREE, "find / -type x", &format!("find: unknown type x\n{usage}"), 2);
    check(TREE, "find / -name", &format!("find: -name needs a value\n{usage}"), 2);
}

#[test]
fn ls_lists_names_in_order_and_hides_dotted_ones() {
    check(TREE, "ls /docs", "a.txt\nb.txt\nsub\n", 0);
    check(TREE, "ls -a /docs", ".hidden\na.txt\nb.txt\nsub\n", 0);
}

#[test]
fn ls_shows_mode_size_and_time() {
    let shown = "-rw-r--r--         17 2001-09-09 01:46 a.txt\n\
                 -rw-r--r--         16 2001-09-09 01:46 b.txt\n\
                 drwxr-xr-x       4096 2001-09-09 01:46 sub\n";
    check(TREE, "ls -l /docs", shown, 0);
}

#[test]
fn ls_shows_files_before_directories_with_titles() {
    let shown = "/numbers\n\n/docs:\na.txt\nb.txt\nsub\n\n/docs/sub:\nc.md\n";
    check(TREE, "ls /docs /numbers /docs/sub", shown, 0);
}

#[test]
fn ls_says_what_is_not_there() {
    check(TREE, "ls /x", "ls: /x: no such file or directory\n", 1);
}

#[test]
fn sha256_is_like_sha256sum() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    check(&[("/e", "")], "sha256 /e", &format!("{empty}  /e\n"), 0);
    check(&[("/e", "")], "cat /e | sha256", &format!("{empty}  -\n"), 0);
    check(&[("/a\\b", "")], "sha256 '/a\\b'", &format!("\\{empty}  /a\\\\b\n"), 0);
}

#[test]
fn sha256_hashes_all_pieces_of_a_file() {
    let mut fake = world(&[]);
    fake.add("/million", "a".repeat(1_000_000).as_bytes());
    let hash = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    assert_eq!(fake.run("sha256 /million").0, format!("{hash}  /million\n"));
}

#[test]
fn sha256_shows_no_hash_of_half_a_file() {
    let mut fake = world(TREE);
    fake.broken.push("/numbers".into());
    assert_eq!(fake.run("sha256 /numbers"), ("sha256: /numbers: the disk failed\n".into(), 1));
}

#[test]
fn sort_orders_lines_and_numbers() {
    check(TREE, "sort /numbers", "-3\n10\n9\n9\nx\n", 0);
    check(TREE, "sort -n /numbers", "-3\nx\n9\n9\n10\n", 0);
    check(TREE, "sort -nr /numbers", "10\n9\n9\nx\n-3\n", 0);
    check(TREE, "sort -u /numbers", "-3\n10\n9\nx\n", 0);
}

#[test]
fn sort_has_a_limit() {
    let mut fake = world(&[]);
    fake.add("/big", "some line\n".repeat(2_000_000).as_bytes());
    assert_eq!(fake.run("sort /big"), ("sort: the input is too large\n".into(), 2));
}

#[test]
fn uniq_joins_equal_neighbours() {
    let lines = &[("/l", "a\na\nb\na\n")];
    check(lines, "uniq /l", "a\nb\na\n", 0);
    check(lines, "uniq -c /l", "      2 a\n      1 b\n      1 a\n", 0);
    check(lines, "uniq -d /l", "a\n", 0);
    check(lines, "sort /l | uniq -u", "b\n", 0);
}

#[test]
fn cd_changes_what_relative_paths_mean() {
    check(
        TREE,
        "cd /docs/sub; pwd; cat c.md; cd ..; pwd; cd; pwd",
        "/docs/sub\n# alpha\n/docs\n/\n",
        0,
    );
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
fn help_explains_every_command() {
    for command in crate::commands::ALL {
        let (output, status) = world(&[]).run(&format!("help {}", command.name));
        assert!(output.contains(&format!("usage: {}", command.usage)), "{output}");
        assert!(command.usage.starts_with(command.name));
        assert_eq!(status, 0);
        let (list, _) = world(&[]).run("help");
        assert!(list.contains(command.summary));
    }
    check(&[], "help none", "help: none: no such command\n", 1);
}

#[test]
fn commands_are_listed_in_order() {
    assert!(crate::commands::ALL.is_sorted_by_key(|command| command.name));
}

#[test]
fn every_command_refuses_an_unknown_option_with_its_usage() {
    for command in crate::commands::ALL {
        if ["echo", "true", "false", "find"].contains(&command.name) {
            continue;
        }
        let (output, status) = world(&[]).run(&format!("{} -Z", command.name));
        let wanted = format!("{0}: unknown option -Z\nusage: {1}\n", command.name, command.usage);
        assert_eq!((output, status), (wanted, 2));
    }
}

#[test]
fn mount_lists_and_changes_mounts() {
    check(&[], "mount ext4 /disk; mount; unmount /disk; mount", "/\n/disk\n/\n", 0);
}

#[test]
fn mount_says_which_of_both_is_wrong() {
    check(&[], "mount fat /x", "mount: fat: the system file names no such server\n", 1);
    check(&[], "mount ext4 /", "mount: /: something is mounted at that very path\n", 1);
    check(&[], "unmount /x", "unmount: /x: nothing is mounted at that path\n", 1);
    check(&[], "mount x", "mount: PATH is missing\nusage: mount [SERVER PATH]\n", 2);
}

#[test]
fn servers_are_shown_in_columns() {
    let shown = "\
NAME    FILE           PLACEMENT  DOMAIN  STATE  OBJECTS  RESTARTS  MEMORY  HASH
serial  serial.server  kernel     2       alive  3        0         5 KiB   0000000000000abc
shell   shell.server   own        2       dead   3        0         5 KiB   0000000000000abc
";
    check(&[], "servers", shown, 0);
}

#[test]
fn place_shows_placements() {
    check(&[], "place", "NAME    PLACEMENT\nserial  kernel\nshell   own\n", 0);
}

#[test]
fn crash_names_server_and_fault() {
    let mut fake = world(&[]);
    assert_eq!(fake.run("crash ext4; crash ext4 loop"), (String::new(), 0));
    let wanted = [("ext4", "null"), ("ext4", "loop")].map(|(s, f)| (s.into(), f.into()));
    assert_eq!(fake.crashed, wanted);
    check(&[], "crash ext4 tea", "crash: tea: there is no such fault\n", 1);
    check(&[], "crash none", "crash: none: there is no such server\n", 1);
}

#[test]
fn log_shows_lines_with_their_servers() {
    let line = |number, level, server: &str, text: &str| LogLine {
        number,
        time_ns: number * 1_000_002_000,
        level,
        server: server.into(),
        text: text.into(),
    };
    let mut fake = world(&[]);
    fake.log = vec![
        line(5, LogRecord::INFO, "disk", "started"),
        line(6, LogRecord::ERROR, "ext4", "panicked: oh"),
        line(9, LogRecord::WARNING, "disk", "slow"),
    ];
    let all = "\
[   5.000010] disk: started
[   6.000012] ext4: error: panicked: oh
(2 lines are lost)
[   9.000018] disk: warning: slow
";
    assert_eq!(fake.run("log"), (all.into(), 0));
    let last = "(2 lines are lost)\n[   9.000018] disk: warning: slow\n";
    assert_eq!(fake.run("log -n 2"), (last.into(), 0));
    assert_eq!(fake.run("log -n 0"), (String::new(), 0));
    let ext4 = "[   6.000012] ext4: error: panicked: oh\n(2 lines are lost)\n";
    assert_eq!(fake.run("log -s ext4"), (ext4.into(), 0));
    check(&[], "log", "", 0);
}

#[test]
fn run_gives_the_programs_status() {
    check(&[], "run seven", "", 7);
    check(&[], "run huge", "", 255);
    check(&[], "run none", "run: none: the system file names no such server\n", 1);
}

#[test]
fn uptime_shows_hours_minutes_seconds() {
    check(&[], "uptime", "1:02:03.004\n", 0);
}

#[test]
fn interruption_ends_a_command_and_its_line() {
    let mut fake = world(&[]);
    fake.add("/big", "x\n".repeat(1_000_000).as_bytes());
    fake.interrupt_after = Some(20);
    let (output, status) = fake.run("grep none /big; echo no\necho $?");
    assert_eq!((output.as_str(), status), ("130\n", 0));
    assert!(fake.bytes_read < 1_000_000);
}

#[test]
fn exit_refuses_what_is_no_status() {
    let usage = "usage: exit [STATUS]\n";
    check(&[], "exit 256", &format!("exit: not a status from 0 to 255: 256\n{usage}"), 2);
}
