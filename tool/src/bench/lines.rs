//! How long servers are: lines that are neither blank nor comment nor test.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::row::{Measure, Row, Unit};
use crate::{
    build::source::entries,
    failure::{Outcome, While},
    project::Project,
};

/// How lines are counted.
const METHOD: &str = "lines that are neither blank nor comment nor test";
/// Servers of this role are no part of the average.
const TESTING: &str = "testing";

/// One row for each server, and one for their average.
pub fn measure(project: &Project) -> Outcome<Vec<Row>> {
    let mut counted = Vec::new();
    let mut averaged = Vec::new();
    let roles = entries(&project.root().join("servers"));
    for folder in roles.iter().flat_map(|role| entries(role)) {
        let mut lines = 0;
        for file in sources(&folder) {
            let text =
                fs::read_to_string(&file).when(|| format!("cannot read `{}`", file.display()))?;
            lines += code_lines(&text);
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A folder whose files were moved away is no server.
        if lines == 0 {
            continue;
        }
        if !folder.parent().is_some_and(|role| role.ends_with(TESTING)) {
            averaged.push(lines as f64);
        }
        counted.push((name, lines));
    }
    counted.sort();
    let row = |name: &str, lines: f64, method: &str| {
        Row::new(format!("lines/code/{name}"), Measure::new(lines, Unit::Lines, method))
    };
    let mut rows: Vec<_> =
        counted.iter().map(|(name, lines)| row(name, *lines as f64, METHOD)).collect();
    let average = averaged.iter().sum::<f64>() / averaged.len().max(1) as f64;
    rows.push(row(
        "average",
        average.round(),
        &format!("{METHOD}; servers of the role {TESTING} apart"),
    ));
    Ok(rows)
}

/// The sources of a server, without its tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in entries(folder) {
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        match path.extension().and_then(|kind| kind.to_str()) {
            _ if is_test => (),
            Some("rs" | "c") => files.push(path),
            _ if path.is_dir() => files.extend(sources(&path)),
            _ => (),
        }
    }
    files
}

/// Lines without those that only tests have: a module in another file, or the rest of the file.
fn code_lines(text: &str) -> usize {
    let mut lines = text.lines().map(str::trim);
    let mut in_comment = false;
    let mut count = 0;
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            match lines.next() {
                Some(item) if item.ends_with(';') => continue,
                _ => return count,
            }
        }
        in_comment |= line.starts_with("/*");
        count += usize::from(!(in_comment || line.is_empty() || line.starts_with("//")));
        in_comment &= !line.ends_with("*/");
    }
    count
}

#[cfg(test)]
mod tests {
    use super::code_lines;

    #[test]
    fn comments_blanks_and_tests_are_not_counted() {
        let text = "//! What.\n\n/* One\n   two */\nfn a() {}\n    // why\nfn b() {}\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(code_lines(text), 2);
    }

    #[test]
    fn what_stands_behind_a_module_of_tests_in_another_file_is_counted() {
        let text = "mod a;\n#[cfg(test)]\nextern crate std;\n#[cfg(test)]\nmod tests;\nfn b() {}\n";
        assert_eq!(code_lines(text), 2);
    }
}
