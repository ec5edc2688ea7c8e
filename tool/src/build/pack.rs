//! The packer: a file that a system could not run is refused here, with the symbol and crate at fault.
//!
//! The rules are the engine's, which checks the same when it loads a file. The difference is that
//! here the symbols are at hand.

use std::{fs, path::Path, process::Command};

use warren_engine::{file::ServerFile, inspect::Inspection};

use super::link::ServerPaths;
use crate::failure::{Failure, Outcome, While};

/// Takes a server file apart and checks it.
pub fn check(paths: &ServerPaths) -> Outcome<ServerFile> {
    let bytes = read(&paths.file)?;
    ServerFile::parse(&bytes).map_err(|error| {
        let with_symbols = parse_with_symbols(paths).unwrap_or_else(|| error.to_string());
        Failure::new(format!(
            "server file `{}` is refused: {}",
            paths.name,
            readable(&with_symbols)
        ))
    })
}

/// The same error, of the file with its symbols but without its lines.
fn parse_with_symbols(paths: &ServerPaths) -> Option<String> {
    let file = paths.debug.with_extension("symbols");
    let status =
        Command::new("strip").args(["--strip-debug", "-o"]).args([&file, &paths.debug]).status();
    let bytes = status.ok().filter(|status| status.success()).and_then(|_| fs::read(&file).ok());
    // It is there only to be read once.
    let _ = fs::remove_file(&file);
    ServerFile::parse(&bytes?).err().map(|error| error.to_string())
}

/// Everything that the server file at this path says.
pub fn inspect(path: &Path) -> Outcome<Inspection> {
    Inspection::of(&read(path)?).map_err(|error| {
        Failure::new(format!("`{}` is refused: {}", path.display(), readable(&error.to_string())))
    })
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).when(|| format!("cannot read `{}`", path.display()))
}

/// The message with mangled symbols as people know them, each with its crate.
fn readable(message: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$');
    let mut readable = String::new();
    let mut rest = message;
    while let Some(start) = rest.find(is_part) {
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
        readable.push_str(before);
        match rustc_demangle::try_demangle(word) {
            Ok(name) => {
                let name = format!("{name:#}");
                let owner = name.trim_start_matches('<').split("::").next().unwrap_or_default();
                readable.push_str(&format!("{name}` of crate `{}", owner.replace('_', "-")));
            }
            Err(_) => readable.push_str(word),
        }
        rest = after;
    }
    readable.push_str(rest);
    readable
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn a_mangled_symbol_is_shown_with_its_crate() {
        let shown =
            readable("writable globals in .bss: `_ZN14warren_ramdisk5COUNT17h0123456789abcdefE`");
        assert_eq!(
            shown,
            "writable globals in .bss: `warren_ramdisk::COUNT` of crate `warren-ramdisk`"
        );
    }

    #[test]
    fn other_words_are_left_alone() {
        assert_eq!(readable("`memcpy.x` at 0x10, ünd"), "`memcpy.x` at 0x10, ünd");
    }
}
