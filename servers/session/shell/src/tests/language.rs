//! The language: quoting, operators, patterns, status.

use super::support::{check, world};
use crate::session::Session;
use crate::world::Line;
use warren_idl::TerminalError;

const TREE: &[(&str, &str)] = &[
    ("/a.txt", "a\n"),
    ("/b.txt", "b\n"),
    ("/.hidden.txt", "h\n"),
    ("/docs/one.md", "1\n"),
    ("/docs/two.md", "2\n"),
    ("/docs/deep/three.md", "3\n"),
];

#[test]
fn words_are_separated_by_any_number_of_blanks() {
    check(&[], "  echo   a \t b  ", "a b\n", 0);
}

#[test]
fn single_quotes_keep_everything() {
    check(TREE, r#"echo 'a  *  "$?" \'"#, "a  *  \"$?\" \\\n", 0);
}

#[test]
fn double_quotes_keep_all_but_status_and_backslash() {
    check(TREE, r#"false; echo "*  $? \" \\ \x $""#, "*  1 \" \\ \\x $\n", 0);
}

#[test]
fn backslash_keeps_the_next_character() {
    check(TREE, r"echo \* \; \| a\ b", "* ; | a b\n", 0);
}

#[test]
fn quotes_may_be_parts_of_a_word() {
    check(&[], r#"echo a'b c'"d"e"#, "ab cde\n", 0);
}

#[test]
fn an_empty_quoted_word_is_an_argument() {
    check(&[], "echo a '' b", "a  b\n", 0);
}

#[test]
fn a_comment_ends_with_its_line() {
    check(&[], "echo a # b; echo c\necho d#e", "a\nd#e\n", 0);
}

#[test]
fn commands_follow_each_other_after_a_semicolon() {
    check(&[], "echo a; echo b ;; ; echo c;", "a\nb\nc\n", 0);
}

#[test]
fn and_runs_only_after_success() {
    check(&[], "true && echo yes; false && echo no", "yes\n", 1);
}

#[test]
fn or_runs_only_after_failure() {
    check(&[], "true || echo no; false || echo yes", "yes\n", 0);
}

#[test]
fn and_and_or_are_read_from_left_to_right() {
    check(&[], "false && echo a || echo b && echo c", "b\nc\n", 0);
}

#[test]
fn status_of_a_pipeline_is_that_of_its_last_command() {
    check(&[], "false | true; echo $?; echo a | false; echo $?", "0\n1\n", 0);
}

#[test]
fn an_open_quote_goes_on_in_the_next_line() {
    check(&[], "echo 'a\nb'", "a\nb\n", 0);
}

#[test]
fn a_backslash_at_the_end_joins_lines() {
    check(&[], "echo a\\\nb", "ab\n", 0);
}

#[test]
fn a_line_that_ends_in_an_operator_goes_on() {
    check(&[], "echo a |\ncat &&\necho b", "a\nb\n", 0);
}

#[test]
fn a_script_that_ends_inside_a_command_is_refused() {
    check(&[], "echo 'a", "shell: the input ends inside a command\n", 2);
}

#[test]
fn an_operator_without_a_command_is_refused() {
    check(&[], "| cat", "shell: unexpected |\n", 2);
    check(&[], "echo a && || b", "shell: unexpected ||\n", 2);
    check(&[], "echo a | ; b", "shell: unexpected ;\n", 2);
}

#[test]
fn redirection_is_refused_and_nothing_runs() {
    let refused = "shell: >: redirection is not supported; quote it to mean the character\n";
    check(&[], "echo a > b", refused, 2);
}

#[test]
fn background_and_subshells_are_refused() {
    check(&[], "echo a & echo b", "shell: &: not supported; quote it to mean the character\n", 2);
    check(&[], "(echo a)", "shell: (: not supported; quote it to mean the character\n", 2);
}

#[test]
fn an_unknown_command_has_status_127() {
    check(&[], "nonsense", "nonsense: no such command; try help\n", 127);
}

#[test]
fn a_star_matches_names_but_not_hidden_ones() {
    check(TREE, "echo *", "a.txt b.txt docs\n", 0);
    check(TREE, "echo .*", ".hidden.txt\n", 0);
}

#[test]
fn patterns_match_in_every_part_of_a_path() {
    check(TREE, "echo /d*/*.md */deep/*", "/docs/one.md /docs/two.md docs/deep/three.md\n", 0);
}

#[test]
fn a_part_after_a_pattern_must_exist() {
    check(TREE, "echo */one.md */none.md", "docs/one.md */none.md\n", 0);
}

#[test]
fn question_marks_and_sets_match_one_character() {
    check(TREE, "echo ?.txt [b-z].txt [!a].txt", "a.txt b.txt b.txt b.txt\n", 0);
}

#[test]
fn a_pattern_that_matches_nothing_stands_for_itself() {
    check(TREE, "echo *.none", "*.none\n", 0);
}

#[test]
fn a_pattern_over_a_dead_file_system_is_no_pattern_without_matches() {
    let mut fake = world(TREE);
    fake.tree.lost.push("/docs".into());
    let (output, status) = fake.run("cat /docs/*");
    assert_eq!((output.as_str(), status), ("shell: /docs: the server died\n", 1));
}

#[test]
fn a_quoted_pattern_is_text() {
    check(TREE, "echo '*' \\* \"[ab].txt\"", "* * [ab].txt\n", 0);
}

#[test]
fn a_pipeline_has_a_limit() {
    check(&[], &format!("echo a{}", " | cat".repeat(7)), "a\n", 0);
    let shown = "shell: a pipeline has at most 8 commands\n";
    check(&[], &format!("echo a{}", " | cat".repeat(8)), shown, 2);
}

#[test]
fn exit_ends_the_session_with_its_status() {
    check(&[], "exit 7; echo no\necho no", "", 7);
    check(&[], "false; exit", "", 1);
}

#[test]
fn the_end_of_input_ends_the_session_with_the_last_status() {
    check(&[], "false", "", 1);
}

#[test]
fn a_line_that_is_too_long_is_not_run() {
    let mut fake = world(&[]);
    fake.script.push_back(Ok(Line { bytes: b"echo a".into(), cut: true }));
    assert_eq!(fake.run("echo b"), ("shell: the line is too long\nb\n".into(), 0));
}

#[test]
fn a_line_that_is_not_text_is_not_run() {
    let mut fake = world(&[]);
    fake.script.push_back(Ok(Line { bytes: vec![0xff], cut: false }));
    assert_eq!(fake.run(""), ("shell: the line is not UTF-8\n".into(), 2));
}

#[test]
fn a_cancelled_line_has_status_130() {
    let mut fake = world(&[]);
    fake.script.push_back(Err(TerminalError::Cancelled));
    assert_eq!(fake.run("echo $?"), ("130\n".into(), 0));
}

#[test]
fn the_prompt_shows_the_directory_and_open_commands() {
    let mut fake = world(TREE);
    fake.run("cd docs\necho 'a\nb'");
    assert_eq!(fake.prompts[..3], ["warren:/$ ", "warren:/docs$ ", "> "]);
}

#[test]
fn a_dead_terminal_is_reported_and_not_taken_for_the_end() {
    let mut fake = world(&[]);
    let lost = TerminalError::System(warren::SystemError::Lost);
    fake.script.push_back(Err(lost));
    assert_eq!(Session::default().turn(&mut fake), Err(lost));
}
