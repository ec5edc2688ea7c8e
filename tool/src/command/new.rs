//! `warren new`.

use std::fs;

use clap::{Args, Subcommand};

use crate::{
    failure::{Failure, Outcome, While},
    output,
    project::Project,
};

/// Makes a folder for something new.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A server in Rust that says hello: one folder, and one line in a system.
    Server {
        /// Its role and name: storage/cache makes servers/storage/cache.
        #[arg(value_name = "ROLE/NAME")]
        name: String,
    },
}

const PACKAGE: &str = include_str!("../template/Cargo.toml.txt");
const CODE: &str = include_str!("../template/lib.rs.txt");

/// Makes the folder and says what to do next.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let What::Server { name } = &arguments.what;
    let Some((role, name)) =
        name.split_once('/').filter(|(role, name)| is_name(role) && is_name(name))
    else {
        return Err(Failure::new(format!("`{name}` is not the role and name of a server"))
            .remedy("small letters, digits and `-`, as in storage/cache"));
    };
    let folder = project.root().join("servers").join(role).join(name);
    if folder.exists() {
        return Err(Failure::new(format!("`{}` is there already", folder.display())));
    }
    let failed = || format!("cannot write to `{}`", folder.display());
    fs::create_dir_all(folder.join("src")).when(failed)?;
    fs::write(folder.join("Cargo.toml"), PACKAGE.replace("NAME", name)).when(failed)?;
    fs::write(folder.join("src/lib.rs"), CODE.replace("TYPE", &type_name(name))).when(failed)?;
    output::line(project.shown(&folder).display())?;
    eprintln!("add `server \"{name}\"` to systems/demo.kdl, then: ./warren run -- run {name}");
    Ok(())
}

/// Whether this can be the name of a folder and of a package.
fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_part)
}

/// `block-cache` as the name of a type: `BlockCache`.
fn type_name(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('-').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_name, type_name};

    #[test]
    fn words_of_a_name_become_one_word() {
        assert_eq!(type_name("block-cache2"), "BlockCache2");
    }

    #[test]
    fn a_name_leads_to_no_other_folder() {
        assert!(is_name("block-cache2"));
        for bad in ["", "..", "A", "a/b", "2a", "ä"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
