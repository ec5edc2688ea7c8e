//! Arguments and properties of one KDL node, with the complaints about their form.

use std::ops::RangeInclusive;

use kdl::{KdlEntry, KdlIdentifier, KdlNode, KdlValue};

use super::{
    diagnostic::{Diagnostic, did_you_mean},
    source::{Located, Span},
};

/// Reads nodes of one file and collects what is wrong with them.
pub struct Reader<'a> {
    file: usize,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    /// A reader for file number `file`.
    pub fn new(file: usize, diagnostics: &'a mut Vec<Diagnostic>) -> Self {
        Reader { file, diagnostics }
    }

    /// Adds a finding.
    pub fn report(&mut self, found: Diagnostic) {
        self.diagnostics.push(found);
    }

    /// Where a name stands.
    pub fn span(&self, name: &KdlIdentifier) -> Span {
        let span = name.span();
        Span { file: self.file, range: span.offset()..span.offset() + span.len() }
    }

    /// The node's fields, if it has as many arguments and only these properties, and no braces.
    pub fn fields<'n>(
        &mut self,
        node: &'n KdlNode,
        arguments: RangeInclusive<usize>,
        properties: &[&'static str],
    ) -> Option<Fields<'n>> {
        if node.children().is_some() {
            let name = node.name();
            let message = format!("`{}` takes nothing in braces", name.value());
            self.report(Diagnostic::error(&self.span(name), message));
            return None;
        }
        self.fields_with_children(node, arguments, properties)
    }

    /// The same for a node that may have braces.
    pub fn fields_with_children<'n>(
        &mut self,
        node: &'n KdlNode,
        arguments: RangeInclusive<usize>,
        properties: &[&'static str],
    ) -> Option<Fields<'n>> {
        let span = self.span(node.name());
        let unknown = node
            .entries()
            .iter()
            .find_map(|entry| entry.name().filter(|name| !properties.contains(&name.value())));
        if let Some(unknown) = unknown {
            let at = self.span(unknown);
            let message = format!("`{}` has no `{}`", node.name().value(), unknown.value());
            let help = did_you_mean(unknown.value(), properties.iter().copied());
            self.report(Diagnostic::error(&at, message).maybe_help(help));
            return None;
        }
        let positional: Vec<_> =
            node.entries().iter().filter(|entry| entry.name().is_none()).collect();
        if !arguments.contains(&positional.len()) {
            let message = format!(
                "`{}` takes {}, not {}",
                node.name().value(),
                count_in_words(&arguments),
                positional.len()
            );
            self.report(Diagnostic::error(&span, message));
            return None;
        }
        Some(Fields { node, positional, span })
    }
}

fn count_in_words(count: &RangeInclusive<usize>) -> String {
    match (*count.start(), *count.end()) {
        (0, 0) => "no argument".into(),
        (1, 1) => "one argument".into(),
        (least, usize::MAX) => {
            format!("at least {least} argument{}", if least == 1 { "" } else { "s" })
        }
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    }
}

/// The arguments and properties of one node.
pub struct Fields<'n> {
    node: &'n KdlNode,
    positional: Vec<&'n KdlEntry>,
    span: Span,
}

impl Fields<'_> {
    /// Number of arguments.
    pub fn count(&self) -> usize {
        self.positional.len()
    }

    /// Where the node's name stands.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Argument `at`, which is text.
    pub fn text(&self, at: usize, reader: &mut Reader<'_>) -> Option<Located<String>> {
        self.read(self.positional[at], "a text in quotes", reader, |value| {
            value.as_string().filter(|text| !text.is_empty()).map(str::to_owned)
        })
    }

    /// All arguments, which are text.
    pub fn texts(&self, reader: &mut Reader<'_>) -> Vec<Located<String>> {
        (0..self.count()).filter_map(|at| self.text(at, reader)).collect()
    }

    /// Argument `at`, whatever it is, as text.
    pub fn scalar(&self, at: usize) -> Located<String> {
        let entry = self.positional[at];
        let value = match entry.value() {
            KdlValue::String(text) => text.clone(),
            KdlValue::Bool(flag) => flag.to_string(),
            KdlValue::Null => String::new(),
            other => other.to_string(),
        };
        Located { value, span: self.place(entry) }
    }

    /// Argument `at`, a number in this range.
    pub fn number(
        &self,
        at: usize,
        range: RangeInclusive<u32>,
        reader: &mut Reader<'_>,
    ) -> Option<Located<u32>> {
        self.read_number(self.positional[at], range, reader)
    }

    /// Argument `at`, a number of bytes, or text with a unit: `"4 MiB"`.
    pub fn bytes(&self, at: usize, reader: &mut Reader<'_>) -> Option<Located<u64>> {
        self.read(self.positional[at], "a number of bytes, such as \"4 MiB\"", reader, |value| {
            quantity(value, &[("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)])
        })
    }

    /// Argument `at`, a time in milliseconds, or text with a unit: `"2 s"`.
    pub fn milliseconds(&self, at: usize, reader: &mut Reader<'_>) -> Option<Located<u32>> {
        self.read(self.positional[at], DURATION, reader, milliseconds)
    }

    /// Argument `at`, vendor and device as `"1af4:1042"`.
    pub fn pci_id(&self, at: usize, reader: &mut Reader<'_>) -> Option<(u16, u16)> {
        let read = |value: &KdlValue| {
            let (vendor, device) = value.as_string()?.split_once(':')?;
            let hex = |digits: &str| {
                (digits.len() == 4).then(|| u16::from_str_radix(digits, 16).ok()).flatten()
            };
            Some((hex(vendor)?, hex(device)?))
        };
        let expected = "vendor and device in hexadecimal, such as \"1af4:1042\"";
        self.read(self.positional[at], expected, reader, read).map(|id| id.value)
    }

    /// Property that is text, if it is there.
    pub fn property_text(&self, name: &str, reader: &mut Reader<'_>) -> Option<Located<String>> {
        self.read(self.property(name)?, "a text in quotes", reader, |value| {
            value.as_string().filter(|text| !text.is_empty()).map(str::to_owned)
        })
    }

    /// Property that is `#true` or `#false`, if it is there.
    pub fn property_flag(&self, name: &str, reader: &mut Reader<'_>) -> Option<Located<bool>> {
        self.read(self.property(name)?, "#true or #false", reader, KdlValue::as_bool)
    }

    /// Property that is a number up to `most`, if it is there.
    pub fn property_number(&self, name: &str, most: u32, reader: &mut Reader<'_>) -> Option<u32> {
        self.read_number(self.property(name)?, 0..=most, reader).map(|number| number.value)
    }

    /// Property that is a time in milliseconds, if it is there.
    pub fn property_milliseconds(&self, name: &str, reader: &mut Reader<'_>) -> Option<u32> {
        self.read(self.property(name)?, DURATION, reader, milliseconds).map(|time| time.value)
    }

    /// Property that is a number up to `most`, and must be there.
    pub fn required_number(&self, name: &str, most: u32, reader: &mut Reader<'_>) -> Option<u32> {
        self.require(name, reader);
        self.property_number(name, most, reader)
    }

    /// Property that is a time, in nanoseconds, and must be there.
    pub fn required_nanoseconds(
        &self,
        name: &str,
        reader: &mut Reader<'_>,
    ) -> Option<Located<u64>> {
        self.require(name, reader);
        self.read(self.property(name)?, DURATION, reader, nanoseconds)
    }

    fn require(&self, name: &str, reader: &mut Reader<'_>) {
        if self.property(name).is_none() {
            let message = format!("`{}` needs `{name}=`", self.node.name().value());
            reader.report(Diagnostic::error(&self.span, message));
        }
    }

    fn property(&self, name: &str) -> Option<&KdlEntry> {
        let named = |entry: &&KdlEntry| entry.name().is_some_and(|found| found.value() == name);
        self.node.entries().iter().find(named)
    }

    fn read_number(
        &self,
        entry: &KdlEntry,
        range: RangeInclusive<u32>,
        reader: &mut Reader<'_>,
    ) -> Option<Located<u32>> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(entry, &expected, reader, |value| {
            u32::try_from(value.as_integer()?).ok().filter(|number| range.contains(number))
        })
    }

    fn read<T>(
        &self,
        entry: &KdlEntry,
        expected: &str,
        reader: &mut Reader<'_>,
        convert: impl FnOnce(&KdlValue) -> Option<T>,
    ) -> Option<Located<T>> {
        let span = self.place(entry);
        match convert(entry.value()) {
            Some(value) => Some(Located { value, span }),
            None => {
                reader.report(Diagnostic::error(&span, format!("expected {expected}")));
                None
            }
        }
    }

    fn place(&self, entry: &KdlEntry) -> Span {
        // The span of a property covers its name as well; the value is what it ends with.
        let span = entry.span();
        let end = span.offset() + span.len();
        let value = entry.format().map_or(span.len(), |format| format.value_repr.len());
        Span { file: self.span.file, range: end.saturating_sub(value)..end }
    }
}

const DURATION: &str = "a time in milliseconds, such as 500 or \"2 s\"";

fn milliseconds(value: &KdlValue) -> Option<u32> {
    quantity(value, &[("", 1), ("ms", 1), ("s", 1000), ("min", 60_000)])
        .and_then(|time| u32::try_from(time).ok())
}

fn nanoseconds(value: &KdlValue) -> Option<u64> {
    const MS: u64 = 1_000_000;
    const S: u64 = 1000 * MS;
    quantity(value, &[("", MS), ("ns", 1), ("us", 1000), ("ms", MS), ("s", S), ("min", 60 * S)])
}

/// A number, or text of a number and a unit. A number alone has the unit without a name.
fn quantity(value: &KdlValue, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = match value.as_integer() {
        Some(number) => (u64::try_from(number).ok()?, ""),
        None => {
            let text = value.as_string()?.trim();
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let (number, unit) = text.split_at(digits);
            (number.parse().ok()?, unit.trim())
        }
    };
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}
