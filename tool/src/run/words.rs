//! Words of the kernel's command line, and whether anybody reads them.

use warren_engine::plan::Plan;

use crate::system::{diagnostic::nearest, facts::Facts};

/// Names that the kernel itself reads.
const KERNEL: [&str; 4] = ["cpus", "help", "log", "preempt"];

/// A parameter that a server reads.
struct Parameter<'a> {
    name: &'a str,
    /// Whether the plan has a value for it, before which the command line's does not count.
    is_set: bool,
}

/// What is to be said of words that nobody reads.
pub fn unread(words: &[String], plan: &Plan, facts: &Facts) -> Vec<String> {
    let parameters = parameters(plan, facts);
    let words = words.iter().flat_map(|words| words.split_ascii_whitespace());
    words.filter_map(|word| reason(word, &parameters)).collect()
}

/// All that servers of the system read.
fn parameters<'a>(plan: &'a Plan, facts: &'a Facts) -> Vec<Parameter<'a>> {
    let mut all = Vec::new();
    for server in &plan.servers {
        let read = facts.get(&server.file).map_or(&[][..], |facts| &facts.parameters);
        all.extend(read.iter().map(|name| Parameter {
            name,
            is_set: server.parameters.iter().any(|(set, _)| set == name),
        }));
    }
    all
}

/// Why nobody reads the word, if that is so.
fn reason(word: &str, parameters: &[Parameter<'_>]) -> Option<String> {
    let Some((name, _)) = word.split_once('=') else {
        return Some(format!("`{word}` is not NAME=VALUE, and nobody reads it"));
    };
    if KERNEL.contains(&name) {
        return None;
    }
    let mut readers = parameters.iter().filter(|parameter| parameter.name == name).peekable();
    if readers.peek().is_some() {
        let is_set = readers.all(|parameter| parameter.is_set);
        return is_set
            .then(|| format!("`{word}` does nothing: `{name}` has another value already"));
    }
    let names = parameters.iter().map(|parameter| parameter.name).chain(KERNEL);
    let meant = nearest(name, names).map(|name| format!("; did you mean `{name}`?"));
    let meant = meant.unwrap_or_default();
    Some(format!("`{word}` does nothing: no server of the system reads `{name}`{meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_nobody_reads_are_told_from_others() {
        let of = |name, is_set| Parameter { name, is_set };
        let parameters =
            [of("lose", false), of("mode", true), of("slice-ms", true), of("slice-ms", false)];
        let reason = |word| reason(word, &parameters);
        for word in ["lose=10", "slice-ms=1", "log=com1", "cpus=0,1", "preempt=1-2", "help=off"] {
            assert_eq!(reason(word), None);
        }
        let said = |word| reason(word).expect("nobody reads it");
        assert!(said("noequal").contains("`noequal` is not NAME=VALUE"));
        assert!(said("mode=script").contains("`mode` has another value already"));
        assert!(said("nosuch=1").ends_with("no server of the system reads `nosuch`"));
        assert!(said("loose=1").ends_with("reads `loose`; did you mean `lose`?"));
    }
}
