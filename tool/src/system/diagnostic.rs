//! What is wrong with a system file, and how it is shown.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::source::{Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The system cannot be planned.
    Error,
    /// It can, but probably not as it was meant.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where, unless it came from the command line.
    pub span: Option<Span>,
    /// What to say at that place.
    pub label: String,
    /// Other places that matter, each with its label.
    pub related: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(span: &Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(span.clone()), message.into())
    }

    /// A warning at a place.
    pub fn warning(span: &Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(span.clone()), message.into())
    }

    /// An error that no system file is to blame for.
    pub fn elsewhere(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, None, message.into())
    }

    fn new(severity: Severity, span: Option<Span>, message: String) -> Self {
        let (label, related) = (String::new(), Vec::new());
        Diagnostic { severity, message, span, label, related, help: None }
    }

    /// Says something at the place.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Shows another place as well.
    pub fn also(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.related.push((span.clone(), label.into()));
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to do, if something is known.
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// The finding as text with the lines it speaks of.
    pub fn render(&self, sources: &Sources, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.message.as_str());
        let mut group = Group::with_title(title);
        let places = self.span.iter().map(|span| (span, &self.label, AnnotationKind::Primary));
        let related =
            self.related.iter().map(|(span, label)| (span, label, AnnotationKind::Context));
        for (span, label, kind) in places.chain(related) {
            let file = sources.file(span.file);
            let annotation = kind.span(visible(span, &file.text));
            let annotation = match label.is_empty() {
                true => annotation,
                false => annotation.label(label.as_str()),
            };
            let snippet = Snippet::source(file.text.as_str()).path(file.path.as_str());
            group = group.element(snippet.annotation(annotation));
        }
        match (&self.help, &self.span) {
            (None, _) => renderer.render(&[group]),
            (Some(help), Some(_)) => {
                renderer.render(&[group.element(Level::HELP.message(help.as_str()))])
            }
            (Some(help), None) => {
                let help = Group::with_title(Level::HELP.secondary_title(help.as_str()));
                renderer.render(&[group, help])
            }
        }
    }
}

/// The span within the text, and not empty unless the text ends there.
fn visible(span: &Span, text: &str) -> std::ops::Range<usize> {
    let start = span.range.start.min(text.len());
    let end = span.range.end.clamp(start, text.len());
    start..end
}

/// The candidate that was probably meant by `wrong`.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(wrong, candidate);
    let allowed = wrong.chars().count().max(3) / 3;
    let (nearest, found) = candidates
        .into_iter()
        .map(|name| (name, distance(name)))
        .min_by_key(|(_, found)| *found)?;
    (found <= allowed || nearest.contains(wrong) && wrong.len() > 2).then_some(nearest)
}

/// "did you mean `x`?", or the list of what there is.
pub fn did_you_mean<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(name) = nearest(wrong, candidates.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let all: Vec<_> = candidates.into_iter().map(|name| format!("`{name}`")).collect();
    match all.len() {
        0 => None,
        1..=12 => Some(format!("there is {}", all.join(", "))),
        _ => None,
    }
}
