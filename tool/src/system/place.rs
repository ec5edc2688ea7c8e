//! Placements as people write them: in system files and on the command line.

use warren_engine::plan::Placement;

use super::diagnostic::nearest;

const WORDS: [&str; 3] = ["kernel", "own", "shared"];

/// `place "own"`, `place "shared" "DOMAIN"`. The error says what would be right.
pub fn from_words(word: &str, domain: Option<&str>) -> Result<Placement, String> {
    match (word, domain) {
        ("kernel", None) => Ok(Placement::Kernel),
        ("own", None) => Ok(Placement::Own),
        ("shared", Some(domain)) if !domain.is_empty() => Ok(Placement::Shared(domain.into())),
        ("shared", _) => {
            Err("say which domain: `place \"shared\" \"DOMAIN\"`, or `shared:DOMAIN`".into())
        }
        ("kernel" | "own", Some(_)) => Err(format!("`{word}` takes no domain")),
        _ => Err(match nearest(word, WORDS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "there is `kernel`, `own`, and `shared` with the name of a domain".into(),
        }),
    }
}

/// `own`, `shared:DOMAIN`: a placement on the command line.
pub fn from_text(text: &str) -> Result<Placement, String> {
    match text.split_once(':') {
        Some((word, domain)) => from_words(word, Some(domain)),
        None => from_words(text, None),
    }
}

/// The placement as it is written on the command line.
pub fn to_text(placement: &Placement) -> String {
    match placement {
        Placement::Kernel => "kernel".into(),
        Placement::Own => "own".into(),
        Placement::Shared(domain) => format!("shared:{domain}"),
    }
}
