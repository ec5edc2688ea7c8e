//! The demo disk: an ext4 image with the project's own documents under `/docs`.
//!
//! Everything there is a file, so that `/docs/*` can be given to a command that reads files; what is a folder of `docs/` lies beside
//! it, such as `/decisions`.
//!
//! It is made by `mke2fs`, so that what the servers read was written by somebody else. It is made
//! again when a document changes.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use super::packages::MKE2FS;
use crate::{
    failure::{Failure, Outcome, While},
    progress,
    project::Project,
};

const MIB: u64 = 1 << 20;

/// The demo image's path. The image is up to date when this returns.
pub fn demo(project: &Project) -> Outcome<PathBuf> {
    let folder = project.folder("demo")?;
    let image = folder.join("disk.ext4");
    let stamp_file = folder.join("stamp");
    // Whoever comes while another makes it waits, and finds it made.
    let _turn = project.turn("demo")?;
    let documents = documents(project.root())?;
    let stamp = stamp(&documents)?;
    if image.exists() && fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp) {
        return Ok(image);
    }
    let tree = folder.join("tree");
    let bytes = copy(&documents, &tree)?;
    make(&tree, &image, bytes)?;
    fs::write(&stamp_file, stamp).when(|| format!("cannot write `{}`", stamp_file.display()))?;
    progress::step("Made", "the demo disk of the project's documents");
    Ok(image)
}

/// A document: where it lies, and its path on the disk.
type Document = (PathBuf, PathBuf);

/// The documents at the root and everything under `docs/`, in the order of their paths on the disk.
fn documents(root: &Path) -> Outcome<Vec<Document>> {
    let top = ["README.md", "ARCHITECTURE.md", "PROMISES.md"].map(|name| root.join(name));
    let mut found: Vec<Document> = top
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), Path::new("docs").join(path.file_name().unwrap_or_default())))
        .collect();
    let docs = root.join("docs");
    let mut open = vec![docs.clone()];
    while let Some(folder) = open.pop() {
        let entries =
            fs::read_dir(&folder).when(|| format!("cannot read `{}`", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            match path.strip_prefix(if folder == docs { root } else { &docs }) {
                _ if path.is_dir() => open.push(path),
                Ok(name) => found.push((path.clone(), name.to_path_buf())),
                Err(_) => (),
            }
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(found)
}

/// What tells one state of the documents from another.
fn stamp(documents: &[Document]) -> Outcome<String> {
    let mut hasher = DefaultHasher::new();
    for (path, name) in documents {
        let facts = fs::metadata(path).and_then(|facts| Ok((facts.len(), facts.modified()?)));
        facts.when(|| format!("cannot read `{}`", path.display()))?.hash(&mut hasher);
        name.hash(&mut hasher);
    }
    Ok(format!("{:016x}\n", hasher.finish()))
}

/// Copies the documents into an empty folder; returns the number of bytes.
fn copy(documents: &[Document], tree: &Path) -> Outcome<u64> {
    let failed = || format!("cannot write to `{}`", tree.display());
    if tree.exists() {
        fs::remove_dir_all(tree).when(failed)?;
    }
    let mut bytes = 0;
    for (path, name) in documents {
        let target = tree.join(name);
        fs::create_dir_all(target.parent().unwrap_or(tree)).when(failed)?;
        bytes += fs::copy(path, &target).when(failed)?;
    }
    Ok(bytes)
}

/// Makes the image. It has room for the documents and what a small file system needs for itself.
fn make(tree: &Path, image: &Path, bytes: u64) -> Outcome {
    let size = 8 * MIB + (bytes * 3 / 2).next_multiple_of(MIB);
    let output = Command::new(MKE2FS.path()?)
        .args(["-q", "-F", "-t", "ext4", "-L", "warren", "-E", "root_owner=0:0", "-d"])
        .args([tree, image])
        .arg(format!("{}K", size / 1024))
        .output()
        .when(|| "cannot run mke2fs".into())?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Failure::new(format!("mke2fs made no demo disk: {}", said.trim())))
        }
    }
}
