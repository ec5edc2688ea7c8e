//! From words to arguments: `$?`, and patterns into the names that they match.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::path;
use crate::pattern::Pattern;
use crate::stage::{Context, Stop};
use crate::words::{Glyph, Word};

/// The arguments that these words stand for. A pattern that matches nothing stands for itself.
pub fn expand(context: &mut Context<'_>, words: &[Word]) -> Result<Vec<String>, Stop> {
    let mut arguments = Vec::new();
    for word in words {
        let word = with_status(word, context.session.status);
        let found = if is_pattern(&word) { matches(context, &word)? } else { Vec::new() };
        if found.is_empty() {
            arguments.push(word.iter().filter_map(character).collect());
        } else {
            arguments.extend(found);
        }
    }
    Ok(arguments)
}

fn with_status(word: &Word, status: u8) -> Word {
    let mut replaced = Word::new();
    for glyph in word {
        match glyph {
            Glyph::Status => replaced.extend(format!("{status}").chars().map(Glyph::Quoted)),
            other => replaced.push(*other),
        }
    }
    replaced
}

fn is_pattern(word: &Word) -> bool {
    word.iter().any(|glyph| matches!(glyph, Glyph::Plain('*' | '?' | '[')))
}

fn character(glyph: &Glyph) -> Option<char> {
    match glyph {
        Glyph::Plain(c) | Glyph::Quoted(c) => Some(*c),
        Glyph::Status => None,
    }
}

/// The paths that a pattern matches, part by part, in order.
fn matches(context: &mut Context<'_>, word: &Word) -> Result<Vec<String>, Stop> {
    let absolute = word.first().and_then(character) == Some('/');
    let mut paths = Vec::from([String::from(if absolute { "/" } else { "" })]);
    let mut certain = true;
    for part in word.split(|glyph| character(glyph) == Some('/')).filter(|part| !part.is_empty()) {
        let pattern = Pattern::new(part);
        let mut longer = Vec::new();
        for path in paths {
            match pattern.literal() {
                Some(name) => longer.push(path::join(&path, &name)),
                None => list(context, &path, &pattern, &mut longer)?,
            }
        }
        certain = pattern.literal().is_none();
        paths = longer;
    }
    if !certain {
        paths.retain(|path| {
            let absolute = context.path(path);
            context.world.status(&absolute).is_ok()
        });
    }
    Ok(paths)
}

fn list(
    context: &mut Context<'_>,
    directory: &str,
    pattern: &Pattern,
    found: &mut Vec<String>,
) -> Result<(), Stop> {
    context.check()?;
    let absolute = context.path(directory);
    // A pattern matches what can be listed; what cannot is no match.
    let Ok(mut entries) = context.world.list(&absolute) else { return Ok(()) };
    entries.retain(|entry| pattern.matches_entry(&entry.name));
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    found.extend(entries.into_iter().map(|entry| path::join(directory, &entry.name)));
    Ok(())
}
