//! Where things lie.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use crate::failure::{Failure, Outcome, While};

/// The project that the tool works on.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
    target: PathBuf,
}

impl Project {
    /// The project that the script `warren` names, or the one that the tool was built in.
    pub fn find() -> Outcome<Self> {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
        let root = env::var_os("WARREN_ROOT").map_or_else(|| built_in.to_path_buf(), PathBuf::from);
        if !root.join("systems").is_dir() {
            let message = format!("`{}` is not the Warren project", root.display());
            return Err(Failure::new(message).remedy("run the script `warren` at its root"));
        }
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let target =
            std::path::absolute(&target).when(|| format!("cannot find `{}`", target.display()))?;
        Ok(Project { root, target })
    }

    /// The folder with `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target directory.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A folder of the tool's own in the target directory. It is there when this returns.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.target.join("warren").join(name);
        fs::create_dir_all(&folder).when(|| format!("cannot create `{}`", folder.display()))?;
        Ok(folder)
    }

    /// Waits until no other tool works in this folder of the tool's own. The turn ends when the file is dropped.
    pub fn turn(&self, name: &str) -> Outcome<File> {
        let path = self.folder(name)?.join("lock");
        let file = File::create(&path).when(|| format!("cannot create `{}`", path.display()))?;
        file.lock().when(|| format!("cannot lock `{}`", path.display()))?;
        Ok(file)
    }

    /// The file of a system: a path, or a name under `systems/`.
    pub fn system(&self, name: &str) -> Outcome<PathBuf> {
        let path = Path::new(name);
        if path.extension().is_some() || name.contains('/') {
            return match path.is_file() {
                true => Ok(path.to_path_buf()),
                false => Err(Failure::new(format!("there is no system file `{name}`"))),
            };
        }
        let path = self.root.join("systems").join(name).with_extension("kdl");
        match path.is_file() {
            true => Ok(path),
            false => {
                let names = self.systems();
                let known =
                    crate::system::diagnostic::did_you_mean(name, names.iter().map(String::as_str));
                let failure = Failure::new(format!("there is no system `{name}`"));
                Err(failure.remedy(known.unwrap_or_else(|| "write one under systems/".into())))
            }
        }
    }

    /// Names of the systems under `systems/`.
    pub fn systems(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.join("systems")).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path());
        let systems = files.filter(|path| path.extension().is_some_and(|kind| kind == "kdl"));
        let mut names: Vec<String> = systems
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        names.sort();
        names
    }

    /// A path as its user would write it: relative to the current folder where that is shorter.
    pub fn shown(&self, path: &Path) -> PathBuf {
        let here = env::current_dir().unwrap_or_default();
        path.strip_prefix(here).unwrap_or(path).to_path_buf()
    }

    /// `cargo` at the root of the project.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        command
    }
}
