//! From tokens to what shall be run: pipelines in a row, each on a condition.

use alloc::vec::Vec;

use crate::words::{SyntaxError, Token, Word, tokens};

/// When a pipeline of a line is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At the start of a line and after `;`.
    Always,
    /// After `&&`: if the status so far is 0.
    Success,
    /// After `||`: if the status so far is not 0.
    Failure,
}

/// Commands joined by `|`: for each its name and its arguments.
pub type Pipeline = Vec<Vec<Word>>;

/// One pipeline of a line and when to run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub when: When,
    /// What: at least one command, each of at least one word.
    pub pipeline: Pipeline,
}

/// Reads a line.
pub fn parse(text: &str) -> Result<Vec<Step>, SyntaxError> {
    let mut steps = Vec::new();
    let mut when = When::Always;
    let mut rest = tokens(text)?.into_iter().peekable();
    loop {
        while when == When::Always && rest.next_if(ends_step).is_some() {}
        if when == When::Always && rest.peek().is_none() {
            return Ok(steps);
        }
        steps.push(Step { when, pipeline: pipeline(&mut rest)? });
        when = match rest.next() {
            None | Some(Token::Then | Token::Newline) => When::Always,
            Some(Token::And) => When::Success,
            Some(Token::Or) => When::Failure,
            Some(Token::Pipe | Token::Word(_)) => unreachable!("a pipeline takes these"),
        };
    }
}

fn ends_step(token: &Token) -> bool {
    matches!(token, Token::Then | Token::Newline)
}

type Tokens = core::iter::Peekable<alloc::vec::IntoIter<Token>>;

fn pipeline(rest: &mut Tokens) -> Result<Pipeline, SyntaxError> {
    let mut pipeline = Pipeline::new();
    loop {
        // After an operator the command may stand in a later line.
        while rest.next_if_eq(&Token::Newline).is_some() {}
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = rest.next_if(|t| matches!(t, Token::Word(_))) {
            words.push(word);
        }
        if words.is_empty() {
            return Err(misplaced(rest.next()));
        }
        pipeline.push(words);
        if rest.next_if_eq(&Token::Pipe).is_none() {
            return Ok(pipeline);
        }
    }
}

/// Why there is no command where `token` stands.
fn misplaced(token: Option<Token>) -> SyntaxError {
    match token {
        Some(Token::Pipe) => SyntaxError::Unexpected("|"),
        Some(Token::And) => SyntaxError::Unexpected("&&"),
        Some(Token::Or) => SyntaxError::Unexpected("||"),
        Some(Token::Then) => SyntaxError::Unexpected(";"),
        Some(Token::Word(_) | Token::Newline) | None => SyntaxError::Unfinished,
    }
}
