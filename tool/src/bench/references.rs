//! Numbers that others measured, or that were measured at another time: shown apart from what is measured here.

use serde_json::Value;

use crate::{
    failure::{Failure, Outcome, While},
    project::Project,
};

/// Numbers of one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// What was measured.
    pub title: String,
    /// In what.
    pub unit: String,
    /// By whom, how, on what.
    pub source: String,
    /// What to bear in mind before comparing.
    pub caution: String,
    /// Names and numbers.
    pub rows: Vec<(String, f64)>,
}

/// Reads `bench/references.json`.
pub fn read(project: &Project) -> Outcome<Vec<Reference>> {
    let path = project.root().join("bench/references.json");
    let text =
        std::fs::read_to_string(&path).when(|| format!("cannot read `{}`", path.display()))?;
    let wrong = || Failure::new(format!("`{}` is not as it must be", path.display()));
    let value: Value = serde_json::from_str(&text).map_err(|_| wrong())?;
    value.as_array().and_then(|all| all.iter().map(reference).collect()).ok_or_else(wrong)
}

fn reference(value: &Value) -> Option<Reference> {
    let text = |key: &str| value[key].as_str().map(String::from);
    let row = |row: &Value| Some((row["name"].as_str()?.to_owned(), row["value"].as_f64()?));
    Some(Reference {
        title: text("title")?,
        unit: text("unit")?,
        source: text("source")?,
        caution: text("caution")?,
        rows: value["rows"].as_array()?.iter().map(row).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_own_file_can_be_read() {
        let read = Project::find().and_then(|project| read(&project));
        assert!(read.is_ok_and(|all| all.iter().all(|reference| !reference.rows.is_empty())));
    }
}
