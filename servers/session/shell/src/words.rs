//! From a line of text to tokens: quoting, comments, operators.
//!
//! Quoting follows the POSIX shell: `'…'` keeps everything, `"…"` keeps everything but `$?` and a
//! backslash before `"`, `\` or `$`, and a backslash keeps the next character. A word remembers which
//! of its characters were quoted, because a quoted `*` is not a pattern.
//!
//! What this shell does not have (redirection, background, subshells) is refused by name: a script
//! written for another shell must not run as something else.

use alloc::vec::Vec;
use core::iter::Peekable;
use core::str::Chars;

use warren_program::pattern::Glyph;

/// A part of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A character. Bare, `*`, `?` and `[` make the word a pattern.
    Glyph(Glyph),
    /// `$?`, the status of the command before.
    Status,
}

impl From<Glyph> for Piece {
    fn from(glyph: Glyph) -> Self {
        Piece::Glyph(glyph)
    }
}

/// One word, which may be empty if it was quoted.
pub type Word = Vec<Piece>;

/// What a line consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A command's name or argument.
    Word(Word),
    /// `|`
    Pipe,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `;`
    Then,
    /// The end of a line.
    Newline,
}

/// Why a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxError {
    /// A quote is open, or the line ends in a backslash or an operator: more must follow.
    Unfinished,
    /// An operator stands where a command must.
    Unexpected(&'static str),
    /// Bare, this character asks for something that this shell does not have.
    Unsupported(char),
}

/// Splits text into tokens.
pub fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut rest = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(&next) = rest.peek() {
        match next {
            ' ' | '\t' | '\r' => drop(rest.next()),
            '#' => while rest.next_if(|&c| c != '\n').is_some() {},
            ';' | '\n' => {
                rest.next();
                tokens.push(if next == ';' { Token::Then } else { Token::Newline });
            }
            '|' => tokens.push(one_or_two(&mut rest, Token::Pipe, Token::Or)),
            '&' => match one_or_two(&mut rest, Token::Then, Token::And) {
                Token::And => tokens.push(Token::And),
                _ => return Err(SyntaxError::Unsupported('&')),
            },
            _ => tokens.push(Token::Word(word(&mut rest)?)),
        }
    }
    Ok(tokens)
}

fn one_or_two(rest: &mut Peekable<Chars<'_>>, one: Token, two: Token) -> Token {
    let first = rest.next();
    if rest.next_if(|&c| Some(c) == first).is_some() { two } else { one }
}

fn word(rest: &mut Peekable<Chars<'_>>) -> Result<Word, SyntaxError> {
    let mut word = Word::new();
    while let Some(next) = rest.next_if(|c| !" \t\r\n;|&".contains(*c)) {
        match next {
            '\'' => single_quoted(rest, &mut word)?,
            '"' => double_quoted(rest, &mut word)?,
            '\\' => match rest.next().ok_or(SyntaxError::Unfinished)? {
                '\n' if rest.peek().is_none() => return Err(SyntaxError::Unfinished),
                '\n' => {}
                kept => word.push(Glyph::Quoted(kept).into()),
            },
            '$' => dollar(rest, &mut word, Glyph::Plain('$')),
            '<' | '>' | '(' | ')' | '`' => return Err(SyntaxError::Unsupported(next)),
            plain => word.push(Glyph::Plain(plain).into()),
        }
    }
    Ok(word)
}

fn single_quoted(rest: &mut Peekable<Chars<'_>>, word: &mut Word) -> Result<(), SyntaxError> {
    loop {
        match rest.next().ok_or(SyntaxError::Unfinished)? {
            '\'' => return Ok(()),
            kept => word.push(Glyph::Quoted(kept).into()),
        }
    }
}

fn double_quoted(rest: &mut Peekable<Chars<'_>>, word: &mut Word) -> Result<(), SyntaxError> {
    loop {
        match rest.next().ok_or(SyntaxError::Unfinished)? {
            '"' => return Ok(()),
            '\\' => match rest.next_if(|c| "\"\\$\n".contains(*c)) {
                Some('\n') => {}
                Some(kept) => word.push(Glyph::Quoted(kept).into()),
                None => word.push(Glyph::Quoted('\\').into()),
            },
            '$' => dollar(rest, word, Glyph::Quoted('$')),
            kept => word.push(Glyph::Quoted(kept).into()),
        }
    }
}

fn dollar(rest: &mut Peekable<Chars<'_>>, word: &mut Word, literal: Glyph) {
    let status = rest.next_if_eq(&'?').is_some();
    word.push(if status { Piece::Status } else { literal.into() });
}
