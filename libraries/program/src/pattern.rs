//! Patterns for names: `*`, `?`, `[a-z]`, `[!a-z]`.

use alloc::string::String;
use alloc::vec::Vec;

/// One character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// Bare: `*`, `?` and `[` are special.
    Plain(char),
    /// Quoted: means itself.
    Quoted(char),
}

impl Glyph {
    /// The character.
    pub fn character(self) -> char {
        match self {
            Glyph::Plain(c) | Glyph::Quoted(c) => c,
        }
    }
}

/// One place of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Literal(char),
    Any,
    Many,
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// A pattern for one name. It never matches across `/`, and what it matches starts with `.` only if
/// the pattern does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    places: Vec<Place>,
}

impl Pattern {
    /// The pattern that these characters, without `/`, make.
    pub fn new(glyphs: &[Glyph]) -> Self {
        let mut places = Vec::new();
        let mut rest = glyphs;
        while let [first, tail @ ..] = rest {
            rest = tail;
            places.push(match *first {
                Glyph::Plain('*') => Place::Many,
                Glyph::Plain('?') => Place::Any,
                Glyph::Plain('[') => match set(tail) {
                    Some((set, after)) => {
                        rest = after;
                        set
                    }
                    None => Place::Literal('['),
                },
                Glyph::Plain(c) | Glyph::Quoted(c) => Place::Literal(c),
            });
        }
        Pattern { places }
    }

    /// The pattern that bare text makes; a backslash quotes.
    pub fn from_text(text: &str) -> Self {
        let mut glyphs = Vec::new();
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            glyphs.push(match c {
                '\\' => Glyph::Quoted(characters.next().unwrap_or('\\')),
                c => Glyph::Plain(c),
            });
        }
        Self::new(&glyphs)
    }

    /// The one name that the pattern matches, if it has nothing special.
    pub fn literal(&self) -> Option<String> {
        let literal = |place: &Place| match place {
            Place::Literal(c) => Some(*c),
            _ => None,
        };
        self.places.iter().map(literal).collect()
    }

    /// Whether a file listed under this name is meant.
    pub fn matches_entry(&self, name: &str) -> bool {
        let dotted = matches!(self.places.first(), Some(Place::Literal('.')));
        (dotted || !name.starts_with('.')) && self.matches(name)
    }

    /// Whether the name matches.
    ///
    /// Only the last `*` seen is ever tried again, so the time is at most length times length.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut place, mut at) = (0, 0);
        let mut again: Option<(usize, usize)> = None;
        while at < name.len() {
            match self.places.get(place) {
                Some(Place::Many) => {
                    place += 1;
                    again = Some((place, at));
                }
                Some(one) if one.accepts(name[at]) => {
                    place += 1;
                    at += 1;
                }
                _ => match again {
                    Some((after_star, from)) => {
                        again = Some((after_star, from + 1));
                        (place, at) = (after_star, from + 1);
                    }
                    None => return false,
                },
            }
        }
        self.places[place..].iter().all(|rest| *rest == Place::Many)
    }
}

impl Place {
    fn accepts(&self, c: char) -> bool {
        match self {
            Place::Literal(literal) => *literal == c,
            Place::Any => true,
            Place::Many => false,
            Place::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// Reads a set after its `[`, and what follows its `]`; `None` if it is never closed.
fn set(glyphs: &[Glyph]) -> Option<(Place, &[Glyph])> {
    let (negated, mut rest) = match glyphs {
        [Glyph::Plain('!' | '^'), rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut ranges = Vec::new();
    loop {
        match *rest {
            [Glyph::Plain(']'), ref after @ ..] if !ranges.is_empty() => {
                return Some((Place::Set { negated, ranges }, after));
            }
            [low, Glyph::Plain('-'), high, ref after @ ..] if high != Glyph::Plain(']') => {
                ranges.push((low.character(), high.character()));
                rest = after;
            }
            [one, ref after @ ..] => {
                ranges.push((one.character(), one.character()));
                rest = after;
            }
            [] => return None,
        }
    }
}
