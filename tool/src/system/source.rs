//! Texts of system files, and places in them.

use std::ops::Range;

/// One system file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its path, as it is shown.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// The files that were read, in the order of reading. A [`Span`] names one by its index.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file and returns its index.
    pub fn add(&mut self, path: String, text: String) -> usize {
        self.files.push(SourceFile { path, text });
        self.files.len() - 1
    }

    /// The file of a span.
    pub fn file(&self, index: usize) -> &SourceFile {
        &self.files[index]
    }

    /// Paths of all files, for whoever wants to know when they change.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }

    /// Line and column of a span's start, from 1.
    pub fn line_and_column(&self, span: &Span) -> (usize, usize) {
        let text = &self.file(span.file).text;
        let before = text.get(..span.range.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// A place in a system file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index into [`Sources`].
    pub file: usize,
    /// Bytes of the text.
    pub range: Range<usize>,
}

/// A value, and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Located<T> {
    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), span: self.span }
    }
}
