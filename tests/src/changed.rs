//! Systems that are changed for a test.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::run::{folder, root};

/// A system file that includes the one of this name and goes on with these nodes: its path, as [`crate::run::Run::new`] takes it.
pub fn changed(base: &str, nodes: &str) -> String {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    let included = root().join("systems").join(base);
    let text = format!("include {included:?}\n{nodes}\n");
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let folder = folder("systems");
    let system = folder.join(format!("{base}-{:016x}.kdl", hasher.finish()));
    // Somebody else may read the same text there now.
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let draft = folder.join(format!("{}-{number}.draft", process::id()));
    fs::write(&draft, text).expect("the target directory can be written");
    fs::rename(&draft, &system).expect("the target directory can be written");
    system.display().to_string()
}
