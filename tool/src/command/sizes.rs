//! `warren sizes`.

use std::{fs, path::Path};

use clap::Args;
use elf::{ElfBytes, endian::LittleEndian};
use serde_json::json;

use crate::{
    build::{self, pack},
    failure::{Failure, Outcome, While},
    output,
    project::Project,
};

/// Prints the sizes of the kernel and of all server files.
#[derive(Args)]
pub struct Arguments {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Bytes of the kernel or of a server file.
pub struct Row {
    /// `kernel`, or the name of the server file.
    pub name: String,
    /// What can be executed.
    pub text: u64,
    /// What else is loaded.
    pub data: u64,
    /// The whole file.
    pub file: u64,
}

/// Measures the kernel and all server files, which it builds.
pub fn measure(project: &Project) -> Outcome<Vec<Row>> {
    let mut rows = vec![kernel(&build::kernel(project)?)?];
    for server in build::servers(project)? {
        let sizes = pack::inspect(&server.paths.file)?.sizes;
        let data = sizes.constants + sizes.relocated;
        rows.push(Row { name: server.paths.name, text: sizes.text, data, file: sizes.file });
    }
    Ok(rows)
}

/// Prints the table.
pub fn run(project: &Project, arguments: &Arguments) -> Outcome {
    let rows = measure(project)?;
    if arguments.json {
        let row = |row: &Row| json!({ "name": row.name, "text": row.text, "data": row.data, "file": row.file });
        return output::line(format_args!("{:#}", json!(rows.iter().map(row).collect::<Vec<_>>())));
    }
    output::line(format_args!("{:20} {:>9} {:>9} {:>9}", "bytes", "text", "data", "file"))?;
    for row in rows {
        let Row { name, text, data, file } = row;
        output::line(format_args!("{name:20} {text:9} {data:9} {file:9}"))?;
    }
    Ok(())
}

/// Text is what can be executed; data is everything else that is loaded, without zeroes.
fn kernel(path: &Path) -> Outcome<Row> {
    let bytes = fs::read(path).when(|| format!("cannot read `{}`", path.display()))?;
    let no_elf = |_| Failure::new(format!("`{}` is no ELF file", path.display()));
    let elf = ElfBytes::<LittleEndian>::minimal_parse(&bytes).map_err(no_elf)?;
    let (mut text, mut data) = (0, 0);
    for segment in elf.segments().into_iter().flatten() {
        match (segment.p_type, segment.p_flags & elf::abi::PF_X != 0) {
            (elf::abi::PT_LOAD, true) => text += segment.p_filesz,
            (elf::abi::PT_LOAD, false) => data += segment.p_filesz,
            _ => (),
        }
    }
    Ok(Row { name: "kernel".into(), text, data, file: bytes.len() as u64 })
}
