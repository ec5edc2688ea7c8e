//! What holds for every input.

use super::support::world;
use crate::date::civil;
use crate::grammar::parse;
use crate::path::{join, last, resolve};
use crate::pattern::Pattern;
use crate::words::{Token, tokens};
use proptest::prelude::*;

/// Whether a pattern of letters, `*` and `?` matches, in the obvious way.
fn obviously(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            obviously(rest, name) || (!name.is_empty() && obviously(pattern, &name[1..]))
        }
        (['?', pattern @ ..], [_, name @ ..]) => obviously(pattern, name),
        ([p, pattern @ ..], [n, name @ ..]) => p == n && obviously(pattern, name),
        _ => false,
    }
}

/// The text quoted so that the shell reads it back as one word.
fn quote(text: &str) -> String {
    let bare = |c: char| c.is_alphanumeric() || "/._-+,:=@%".contains(c);
    if !text.is_empty() && text.chars().all(bare) {
        return text.into();
    }
    let mut quoted = String::from("'");
    quoted.push_str(&text.replace('\'', "'\\''"));
    quoted.push('\'');
    quoted
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        let _ = parse(&text);
    }

    #[test]
    fn no_operators_make_the_parser_panic(text in "[a'\"\\\\ $?|&;#\n*<]*") {
        let _ = parse(&text);
    }

    #[test]
    fn a_quoted_word_is_read_back(words in proptest::collection::vec("\\PC*|[ '\"\\\\$?*\n]*", 1..4)) {
        let line = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let read: Vec<String> = tokens(&line).unwrap().into_iter().map(|token| match token {
            Token::Word(word) => Pattern::new(&word).literal().expect("nothing special"),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(read, words);
    }

    #[test]
    fn echo_shows_quoted_words_as_they_are(word in "[^\r\n]*") {
        let shown = world(&[]).run(&format!("echo -n {}", quote(&word))).0;
        prop_assert_eq!(shown, word);
    }

    #[test]
    fn patterns_match_as_the_obvious_matcher_says(pattern in "[ab*?]{0,8}", name in "[ab]{0,10}") {
        let expected = obviously(
            &pattern.chars().collect::<Vec<_>>(),
            &name.chars().collect::<Vec<_>>(),
        );
        prop_assert_eq!(Pattern::from_text(&pattern).matches(&name), expected);
    }

    #[test]
    fn no_pattern_makes_the_matcher_panic(pattern in "[]\\[a!^*?\\\\-]*", name in "\\PC*") {
        Pattern::from_text(&pattern).matches(&name);
    }

    #[test]
    fn a_resolved_path_is_plain(directory in "(/[a-c.]{1,3}){0,4}", path in "[a/.]{0,12}") {
        let resolved = resolve(&resolve("/", &directory), &path);
        prop_assert!(resolved.starts_with('/'));
        let rest = &resolved[1..];
        prop_assert!(rest.is_empty() || rest.split('/').all(|p| !["", ".", ".."].contains(&p)));
        prop_assert_eq!(resolve("/x", &resolved), resolved.clone());
    }

    #[test]
    fn the_last_part_of_a_joined_path_is_the_name(directory in "[a-c/.]{0,8}", name in "[a-z.]{1,5}") {
        let joined = join(&directory, &name);
        prop_assert_eq!(last(&joined), name);
    }

    #[test]
    fn days_follow_each_other(day in 0_u64..4_000_000) {
        let (year, month, date) = civil(day);
        let next = civil(day + 1);
        let follows = next == (year, month, date + 1)
            || (date >= 28 && next == (year, month + 1, 1))
            || (month == 12 && date == 31 && next == (year + 1, 1, 1));
        prop_assert!(follows, "{:?} then {:?}", (year, month, date), next);
    }

    #[test]
    fn any_script_comes_to_its_end(script in "((echo|cat|ls|grep|wc|sort|true|cd|head) ?[a*?'|&;/ -]{0,6}[|;&\n ]{1,2}){0,6}") {
        world(&[("/a/b", "x\n"), ("/c", "y\nz")]).run(&script);
    }
}

#[test]
fn known_days_have_their_dates() {
    assert_eq!(civil(0), (1970, 1, 1));
    assert_eq!(civil(11_016), (2000, 2, 29));
    assert_eq!(civil(11_017), (2000, 3, 1));
    assert_eq!(civil(19_782), (2024, 2, 29));
    assert_eq!(civil(47_540), (2100, 2, 28));
    assert_eq!(civil(47_541), (2100, 3, 1));
}
