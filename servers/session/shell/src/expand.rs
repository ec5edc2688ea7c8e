//! From words to arguments: `$?`, and patterns into the names that they match.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use warren_idl::FileError;
use warren_program::path;
use warren_program::pattern::{Glyph, Pattern};

use crate::session::{Context, Stop};
use crate::words::{Piece, Word};

/// The arguments that these words stand for. A pattern that matches nothing stands for itself.
///
/// `None` if a directory could not be looked at, which the person was told: a file system that died
/// must not look like one without files.
pub fn expand(context: &mut Context<'_>, words: &[Word]) -> Result<Option<Vec<String>>, Stop> {
    let mut arguments = Vec::new();
    for word in words {
        let word = with_status(word, context.session.status);
        let found = if is_pattern(&word) { matches(context, &word)? } else { Ok(Vec::new()) };
        match found {
            Ok(found) if found.is_empty() => {
                arguments.push(word.into_iter().map(Glyph::character).collect());
            }
            Ok(found) => arguments.extend(found),
            Err(Failure { path, error }) => {
                return context.complain_about("shell", &path, error).map(|()| None);
            }
        }
    }
    Ok(Some(arguments))
}

/// What could not be looked at.
struct Failure {
    path: String,
    error: FileError,
}

impl Failure {
    /// The answer for something that is not there; the failure otherwise.
    fn unless_absent<T>(path: &str, error: FileError, absent: T) -> Result<T, Failure> {
        match error {
            FileError::NotFound | FileError::NotADirectory | FileError::BadName => Ok(absent),
            error => Err(Failure { path: path.into(), error }),
        }
    }
}

fn with_status(word: &Word, status: u8) -> Vec<Glyph> {
    let mut glyphs = Vec::new();
    for piece in word {
        match piece {
            Piece::Status => glyphs.extend(format!("{status}").chars().map(Glyph::Quoted)),
            Piece::Glyph(glyph) => glyphs.push(*glyph),
        }
    }
    glyphs
}

fn is_pattern(word: &[Glyph]) -> bool {
    word.iter().any(|glyph| matches!(glyph, Glyph::Plain('*' | '?' | '[')))
}

/// The paths that a pattern matches, part by part, in order.
fn matches(
    context: &mut Context<'_>,
    word: &[Glyph],
) -> Result<Result<Vec<String>, Failure>, Stop> {
    let absolute = word.first().is_some_and(is_slash);
    let mut paths = Vec::from([String::from(if absolute { "/" } else { "" })]);
    for part in word.split(is_slash).filter(|part| !part.is_empty()) {
        let pattern = Pattern::new(part);
        let mut longer = Vec::new();
        for path in paths {
            context.go_on()?;
            let found = match pattern.literal() {
                Some(name) => existing(context, path::join(&path, &name)),
                None => list(context, &path, &pattern),
            };
            match found {
                Ok(found) => longer.extend(found),
                Err(failure) => return Ok(Err(failure)),
            }
        }
        paths = longer;
    }
    Ok(Ok(paths))
}

fn is_slash(glyph: &Glyph) -> bool {
    glyph.character() == '/'
}

/// The path, if there is something.
fn existing(context: &mut Context<'_>, path: String) -> Result<Vec<String>, Failure> {
    let absolute = context.path(&path);
    match context.world.status(&absolute) {
        Ok(_) => Ok(Vec::from([path])),
        Err(error) => Failure::unless_absent(&path, error, Vec::new()),
    }
}

/// The paths of what the pattern matches in a directory.
fn list(
    context: &mut Context<'_>,
    directory: &str,
    pattern: &Pattern,
) -> Result<Vec<String>, Failure> {
    let absolute = context.path(directory);
    match context.world.list(&absolute) {
        Ok(mut entries) => {
            entries.retain(|entry| pattern.matches_entry(&entry.name));
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(entries.iter().map(|entry| path::join(directory, &entry.name)).collect())
        }
        Err(error) => Failure::unless_absent(&absolute, error, Vec::new()),
    }
}
