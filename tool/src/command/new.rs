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
    /// A program in Rust that shows its arguments: one folder, and one line in a system.
    Program {
        /// Its name, by which the shell runs it: count makes servers/programs/count.
        name: String,
    },
}

/// The files of something new, with `NAME` and `TYPE` for its name and that of its type.
struct Template {
    package: &'static str,
    code: &'static str,
}

const SERVER: Template = Template {
    package: include_str!("../template/server.toml.txt"),
    code: include_str!("../template/server.rs.txt"),
};
const PROGRAM: Template = Template {
    package: include_str!("../template/program.toml.txt"),
    code: include_str!("../template/program.rs.txt"),
};

/// Makes the folder and says what to do next.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    match &arguments.what {
        What::Server { name } => {
            let parts = name.split_once('/').filter(|(role, name)| is_name(role) && is_name(name));
            let (role, name) = parts.ok_or_else(|| {
                Failure::new(format!("`{name}` is not the role and name of a server"))
                    .remedy("small letters, digits and `-`, as in storage/cache")
            })?;
            make(project, &SERVER, role, name)?;
            eprintln!(
                "add `server \"{name}\"` and `start \"{name}\"` to systems/demo.kdl, then: ./warren run"
            );
        }
        What::Program { name } if is_name(name) => {
            make(project, &PROGRAM, "programs", name)?;
            eprintln!(
                "add `server \"{name}\"` to systems/demo.kdl, then: ./warren run -- {name} hello"
            );
        }
        What::Program { name } => {
            return Err(Failure::new(format!("`{name}` is not the name of a program"))
                .remedy("small letters, digits and `-`"));
        }
    }
    Ok(())
}

/// Makes the folder of a server.
fn make(project: &Project, template: &Template, role: &str, name: &str) -> Outcome {
    let folder = project.root().join("servers").join(role).join(name);
    if folder.exists() {
        return Err(Failure::new(format!("`{}` is there already", folder.display())));
    }
    let fill = |text: &str| text.replace("NAME", name).replace("TYPE", &type_name(name));
    let failed = || format!("cannot write to `{}`", folder.display());
    fs::create_dir_all(folder.join("src")).when(failed)?;
    fs::write(folder.join("Cargo.toml"), fill(template.package)).when(failed)?;
    fs::write(folder.join("src/lib.rs"), fill(template.code)).when(failed)?;
    output::line(project.shown(&folder).display())
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
