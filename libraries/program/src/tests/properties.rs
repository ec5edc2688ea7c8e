//! What holds for every input.

use proptest::prelude::*;

use crate::path::{join, last, resolve};
use crate::pattern::Pattern;

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

proptest! {
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
}
