//! A program's options and operands.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Why arguments were not understood: one line, shown before its usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(pub String);

/// What was given to a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    options: Vec<(char, String)>,
    /// What is not an option, in order.
    pub operands: Vec<String>,
}

impl Arguments {
    /// Reads arguments of a program with the options `flags`, and `valued`, which take a value.
    ///
    /// Options may be joined (`-lw`), carry their value or have it follow (`-n5`, `-n 5`), and stand
    /// after operands. `--` ends them; `-` alone is an operand.
    pub fn parse(given: Vec<String>, flags: &str, valued: &str) -> Result<Self, UsageError> {
        let mut arguments = Arguments::default();
        let mut given = given.into_iter();
        while let Some(argument) = given.next() {
            match argument.strip_prefix('-') {
                None | Some("") => arguments.operands.push(argument),
                Some("-") => arguments.operands.extend(given.by_ref()),
                Some(word) if word.starts_with('-') => {
                    return Err(UsageError(format!("unknown option {argument}")));
                }
                Some(letters) => {
                    arguments.take(letters, flags, valued, || given.next())?;
                }
            }
        }
        Ok(arguments)
    }

    fn take(
        &mut self,
        letters: &str,
        flags: &str,
        valued: &str,
        following: impl FnOnce() -> Option<String>,
    ) -> Result<(), UsageError> {
        for (index, letter) in letters.char_indices() {
            if flags.contains(letter) {
                self.options.push((letter, String::new()));
            } else if valued.contains(letter) {
                let joined = &letters[index + letter.len_utf8()..];
                let value = if joined.is_empty() { following() } else { Some(joined.into()) };
                let value = value.ok_or_else(|| needs_value(letter))?;
                self.options.push((letter, value));
                return Ok(());
            } else {
                return Err(UsageError(format!("unknown option -{letter}")));
            }
        }
        Ok(())
    }

    /// Whether an option was given.
    pub fn has(&self, letter: char) -> bool {
        self.options.iter().any(|(given, _)| *given == letter)
    }

    /// The value given with an option, the last if there are several.
    pub fn text(&self, letter: char) -> Option<&str> {
        let mut given = self.options.iter().rev();
        given.find(|(option, _)| *option == letter).map(|(_, text)| text.as_str())
    }

    /// The number given with an option, the last if there are several.
    pub fn number(&self, letter: char) -> Result<Option<u64>, UsageError> {
        let Some(text) = self.text(letter) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| UsageError(format!("not a number: {text}")))
    }

    /// The operands of a program that takes exactly these.
    pub fn exactly<const N: usize>(self, names: [&str; N]) -> Result<[String; N], UsageError> {
        let given = self.operands.len();
        if let Some(missing) = names.get(given) {
            return Err(UsageError(format!("{missing} is missing")));
        }
        let surplus = self.operands.get(N).cloned();
        <[String; N]>::try_from(self.operands).map_err(|_| unexpected(&surplus.unwrap_or_default()))
    }

    /// The one operand, if there is any, of a program that takes at most one.
    pub fn at_most_one(self) -> Result<Option<String>, UsageError> {
        match self.operands.get(1) {
            Some(second) => Err(unexpected(second)),
            None => Ok(self.operands.into_iter().next()),
        }
    }

    /// Refuses operands.
    pub fn none(self) -> Result<(), UsageError> {
        self.exactly([]).map(|[]| ())
    }
}

fn needs_value(letter: char) -> UsageError {
    UsageError(format!("option -{letter} needs a value"))
}

/// There is an operand too many.
pub fn unexpected(operand: &str) -> UsageError {
    UsageError(format!("unexpected operand: {operand}"))
}
