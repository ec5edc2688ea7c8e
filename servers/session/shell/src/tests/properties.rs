//! What holds for every input.

use super::support::world;
use crate::grammar::parse;
use crate::words::{Piece, Token, tokens};
use proptest::prelude::*;
use warren_program::pattern::{Glyph, Pattern};

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

/// The text of a word without anything special.
fn literal(word: &[Piece]) -> Option<String> {
    let glyph = |piece: &Piece| match piece {
        Piece::Glyph(glyph) => Some(*glyph),
        Piece::Status => None,
    };
    Pattern::new(&word.iter().map(glyph).collect::<Option<Vec<Glyph>>>()?).literal()
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
            Token::Word(word) => literal(&word).expect("nothing special"),
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
    fn any_script_comes_to_its_end(script in "((echo|cat|half|seven|true|cd|pwd) ?[a*?'|&;/ -]{0,6}[|;&\n ]{1,2}){0,6}") {
        world(&[("/a/b", "x\n"), ("/c", "y\nz")]).run(&script);
    }
}
