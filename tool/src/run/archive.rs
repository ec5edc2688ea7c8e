//! The boot archive: the plan and the server files that it names, as a tar file.

use std::{fs, path::Path};

use warren_engine::plan::{Plan, encode};

use crate::{
    build::BuiltServer,
    failure::{Failure, Outcome, While},
};

/// Name of the plan in the archive.
const PLAN: &str = "plan";
/// Folder of the server files in the archive.
const SERVERS: &str = "servers";

/// Writes the archive of a system to `path`.
pub fn write(path: &Path, plan: &Plan, servers: &[BuiltServer]) -> Outcome {
    let failed = || format!("cannot write `{}`", path.display());
    let mut archive = tar::Builder::new(Vec::new());
    append(&mut archive, PLAN, &encode(plan)).when(failed)?;
    let mut files: Vec<&str> = plan.servers.iter().map(|server| server.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    for name in files {
        let built = servers.iter().find(|built| built.paths.name == name);
        let built = built.ok_or_else(|| Failure::new(format!("no server file `{name}`")))?;
        let file = &built.paths.file;
        let bytes = fs::read(file).when(|| format!("cannot read `{}`", file.display()))?;
        append(&mut archive, &format!("{SERVERS}/{name}"), &bytes).when(failed)?;
    }
    let bytes = archive.into_inner().when(failed)?;
    fs::write(path, bytes).when(failed)
}

fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    archive.append_data(&mut header, name, bytes)
}
