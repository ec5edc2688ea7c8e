//! A folder for the sockets and the archive of one run.

use std::{env, fs, path::PathBuf};

use crate::failure::{Outcome, While};

/// A folder that goes when this goes.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// A new one.
    pub fn create() -> Outcome<Self> {
        let folder = env::temp_dir().join(format!("warren-{}", std::process::id()));
        fs::create_dir_all(&folder).when(|| format!("cannot create `{}`", folder.display()))?;
        Ok(Temporary(folder))
    }

    /// A path in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing depends on it; at worst a small folder stays in /tmp.
        let _ = fs::remove_dir_all(&self.0);
    }
}
