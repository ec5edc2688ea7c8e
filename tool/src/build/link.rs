//! One server file: a library crate and the runtime, or C files, are linked into a shared object.
//!
//! # Why not a `cdylib` crate
//!
//! A server would then need a build script for its linker arguments, and would be special to `cargo
//! test` and rust-analyzer. As a library it is a crate like any other; what makes it a server file happens
//! here, in one `rustc` call.
//!
//! # When it is linked again
//!
//! Cargo rebuilds a library when anything that it is made of changes. So a file is out of date when its
//! library (or C file), the runtime, the linker script, the arguments or the compiler differ from those that it was linked from;
//! the stamp beside the file says which these were.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use crate::failure::{Failure, Outcome, While};

/// Arguments of `rustc`. What the loader needs of a file is said in `server.ld`.
const RUST: [&str; 15] = [
    "--edition=2024",
    "--crate-type=cdylib",
    "-Copt-level=s",
    "-Clto=fat",
    "-Ccodegen-units=1",
    "-Cpanic=abort",
    "-Cdebuginfo=1",
    "-Clink-arg=-nostartfiles",
    "-Clink-arg=-nostdlib",
    "-Clink-arg=-Wl,--hash-style=sysv",
    "-Clink-arg=-Wl,--gc-sections",
    "-Clink-arg=-Wl,--build-id=none",
    "-Clink-arg=-Wl,-z,now",
    "-Clink-arg=-Wl,-z,max-page-size=4096",
    "-Clink-arg=-Wl,-Bsymbolic",
];

/// Arguments of the C compiler. It links with Rust's linker: the system's own loses a segment of `server.ld`.
const C: [&str; 18] = [
    "-shared",
    "-fPIC",
    "-Os",
    "-g",
    "-std=c17",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffreestanding",
    "-fvisibility=hidden",
    "-ffunction-sections",
    "-nostdlib",
    "-Wl,--hash-style=sysv",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-Wl,-Bsymbolic",
    "-Wl,-z,now,-z,max-page-size=4096",
    "-fuse-ld=lld",
];

/// What all server files have in common.
#[derive(Clone, Debug)]
pub struct Linker {
    /// The linker script.
    pub script: PathBuf,
    /// The folder of the C headers.
    pub headers: PathBuf,
    /// The memory routines, which C compilers call without being asked.
    pub memory: PathBuf,
    /// The runtime's library.
    pub runtime: PathBuf,
    /// Where the libraries of all other crates lie.
    pub dependencies: PathBuf,
    /// Where the files go.
    pub folder: PathBuf,
    /// The compiler's version.
    pub compiler: String,
}

/// A linked server.
#[derive(Clone, Debug)]
pub struct ServerPaths {
    /// Name of the file in the boot archive.
    pub name: String,
    /// The file, stripped, as systems carry it.
    pub file: PathBuf,
    /// The same with symbols and lines, for gdb.
    pub debug: PathBuf,
}

impl Linker {
    /// Paths of a server's files.
    pub fn paths(&self, name: &str) -> ServerPaths {
        let file = self.folder.join(format!("{name}.so"));
        let debug = self.folder.join(format!("{name}.debug"));
        ServerPaths { name: name.into(), file, debug }
    }

    /// Links the server `name` from its library if it is out of date. Returns whether it was.
    pub fn link_rust(&self, name: &str, library: &Path) -> Outcome<bool> {
        let inputs = [library, &self.runtime, &self.script];
        self.unless_up_to_date(name, &RUST, &inputs, |output| {
            let source = self.folder.join(format!("{name}.rs"));
            let text = "#![no_std]\nextern crate runtime as _;\nextern crate server as _;\n";
            fs::write(&source, text).when(|| format!("cannot write `{}`", source.display()))?;
            self.compile(name, &source, library, output)
        })
    }

    /// Compiles and links the server `name` from C files if it is out of date. Returns whether it was.
    pub fn link_c(&self, name: &str, files: &[PathBuf]) -> Outcome<bool> {
        let headers = ["warren.h", "services.h"].map(|header| self.headers.join(header));
        let inputs = files.iter().chain(&headers).chain([&self.memory, &self.script]);
        let inputs: Vec<&Path> = inputs.map(PathBuf::as_path).collect();
        self.unless_up_to_date(name, &C, &inputs, |output| {
            let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
            compiler.args(C).arg("-B").arg(rust_linker()?).arg("-I").arg(&self.headers);
            compiler.arg(format!("-Wl,-T,{}", self.script.display())).arg("-o").arg(output);
            succeed(compiler.args(files).arg(&self.memory), name, "the C compiler")
        })
    }

    /// Makes the file and its stripped copy, unless they were made of the same inputs.
    fn unless_up_to_date(
        &self,
        name: &str,
        arguments: &[&str],
        inputs: &[&Path],
        make: impl FnOnce(&Path) -> Outcome,
    ) -> Outcome<bool> {
        let paths = self.paths(name);
        let stamp_file = self.folder.join(format!("{name}.stamp"));
        let stamp = self.stamp(arguments, inputs)?;
        let old = fs::read_to_string(&stamp_file).unwrap_or_default();
        if old == stamp && paths.file.exists() && paths.debug.exists() {
            return Ok(false);
        }
        make(&paths.debug)?;
        strip(&paths.debug, &paths.file)?;
        fs::write(&stamp_file, stamp)
            .when(|| format!("cannot write `{}`", stamp_file.display()))?;
        Ok(true)
    }

    fn compile(&self, name: &str, source: &Path, library: &Path, output: &Path) -> Outcome {
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(compiler);
        command
            .args(RUST)
            .arg("--crate-name")
            .arg(name.replace('-', "_"))
            .arg(format!("-Clink-arg=-Wl,-T,{}", self.script.display()))
            .arg("--extern")
            .arg(format!("runtime={}", self.runtime.display()))
            .arg("--extern")
            .arg(format!("server={}", library.display()))
            .arg("-L")
            .arg(format!("dependency={}", self.dependencies.display()))
            .arg("-o")
            .args([output, source]);
        succeed(&mut command, name, "rustc")
    }

    /// Everything that the file depends on, as one line.
    fn stamp(&self, arguments: &[&str], inputs: &[&Path]) -> Outcome<String> {
        let mut hasher = DefaultHasher::new();
        arguments.hash(&mut hasher);
        self.compiler.hash(&mut hasher);
        for input in inputs {
            let facts = fs::metadata(input).and_then(|facts| Ok((facts.len(), facts.modified()?)));
            input.hash(&mut hasher);
            facts.when(|| format!("cannot find `{}`", input.display()))?.hash(&mut hasher);
        }
        Ok(format!("{:016x}\n", hasher.finish()))
    }
}

/// The folder in which a C compiler finds Rust's linker under the name that it looks for.
fn rust_linker() -> Outcome<PathBuf> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler).args(["--print", "sysroot"]).output();
    let output = output.when(|| "cannot run rustc".into())?;
    let sysroot = String::from_utf8_lossy(&output.stdout);
    Ok(Path::new(sysroot.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld"))
}

/// Runs a compiler, which says itself what is wrong.
fn succeed(command: &mut Command, name: &str, compiler: &str) -> Outcome {
    let status = command.status().when(|| format!("cannot run {compiler}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("the server file `{name}` does not link"))
            .remedy("see the message above")),
    }
}

/// Copies a file without symbols and lines.
fn strip(from: &Path, to: &Path) -> Outcome {
    let status = Command::new("strip")
        .args(["--strip-all", "--keep-section=.warren", "-o"])
        .args([to, from])
        .status()
        .when(|| "cannot run strip, which the package binutils has".into())?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("cannot strip `{}`", from.display()))),
    }
}
