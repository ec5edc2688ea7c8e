//! A folder for the sockets and the archive of one run.

use std::{
    env, fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::failure::{Outcome, While};

/// How many there were in this process: each has a name of its own.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A folder that goes when this goes.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// A new one.
    pub fn create() -> Outcome<Self> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("warren-{}-{number}", std::process::id()));
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
