//! Server files that a C compiler and the system's linker made, not our own tools.

use std::{env, fs, path::PathBuf, process::Command};

use warren_engine::{
    file::{FileError, Import, ServerFile},
    inspect::Inspection,
    space::Protection,
};

/// Compiles the demo server with these arguments besides the usual ones. `name` is the test's own.
fn link(name: &str, arguments: &[&str]) -> Vec<u8> {
    let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.so"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/demo.c");
    let status = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-shared", "-fPIC", "-O2", "-ffreestanding", "-fvisibility=hidden", "-nostdlib"])
        .args(["-Wl,-z,relro,-z,now,-z,separate-code,-z,max-page-size=4096", "-Wl,-z,notext"])
        .args(arguments)
        .arg("-o")
        .args([output.as_os_str(), source.as_ref()])
        .status()
        .expect("a C compiler links every Rust program, so there is one");
    assert!(status.success(), "the demo server does not link");
    fs::read(&output).unwrap()
}

/// The demo server is refused if it is compiled with this macro.
fn refused(name: &str) -> FileError {
    *ServerFile::parse(&link(name, &[&format!("-D{name}")])).unwrap_err()
}

#[test]
fn a_file_from_a_c_compiler_is_accepted() {
    let file = ServerFile::parse(&link("right", &[])).unwrap();
    assert_eq!(file.description().name, "demo");
    assert_eq!(file.calls()[0].symbol(), "wcall.c0150001.1.Console.write.i_n");
    let image = file.image(0x1000_0000_0000, |import| match import {
        Import::Call(0) => 0x1111,
        _ => 0x2222,
    });
    let data = image.segments.iter().filter(|segment| segment.relocated);
    let words: Vec<u64> = data
        .flat_map(|segment| segment.bytes.as_chunks::<8>().0)
        .map(|word| u64::from_le_bytes(*word))
        .collect();
    for bound in [0x1111, 0x2222, image.descriptor.construct, image.descriptor.kinds[0].entries[0]]
    {
        assert!(words.contains(&bound), "{bound:#x} is nowhere in {words:x?}");
    }
    assert!(image.segments.iter().all(|segment| segment.protection != Protection::ReadWrite));
}

#[test]
fn an_inspection_says_what_a_file_holds() {
    let bytes = link("inspected", &[]);
    let inspection = Inspection::of(&bytes).unwrap();
    assert_eq!(inspection.memory_symbols, ["wsys.required"]);
    assert_eq!(inspection.sizes.file, bytes.len() as u64);
    let parts = inspection.sizes.text + inspection.sizes.constants + inspection.sizes.relocated;
    assert!(inspection.sizes.text > 0 && parts < inspection.sizes.image);
    let output = Command::new("sha256sum")
        .arg(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("inspected.so"))
        .output()
        .unwrap();
    let hash: String = inspection.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with(&hash));
}

#[test]
fn a_file_without_its_symbols_is_accepted_as_well() {
    assert!(ServerFile::parse(&link("stripped", &["-s"])).is_ok());
}

#[test]
fn a_writable_global_is_named() {
    let FileError::WritableData { section, symbols } = refused("WRITABLE") else { panic!() };
    assert_eq!((section.as_str(), symbols.as_slice()), (".data", &["visits".to_string()][..]));
}

#[test]
fn a_thread_local_variable_is_named() {
    let FileError::ThreadLocal(symbols) = refused("THREAD_LOCAL") else { panic!() };
    assert_eq!(symbols, ["visits"]);
}

#[test]
fn a_function_that_nobody_provides_is_named() {
    assert_eq!(refused("LIBRARY_FUNCTION"), FileError::Undefined("memcpy".into()));
}

#[test]
fn code_that_runs_at_load_is_refused() {
    assert_eq!(refused("INITIALIZER"), FileError::Initializers);
}

#[test]
fn a_relocation_in_text_is_named() {
    let FileError::TextRelocation { symbol, .. } = refused("TEXT_RELOCATION") else { panic!() };
    assert_eq!(symbol.as_deref(), Some("table_in_text"));
}

#[test]
fn a_library_that_the_file_needs_is_named() {
    let bytes = link("library", &["-Wl,--no-as-needed", "-lc"]);
    assert_eq!(ServerFile::parse(&bytes), Err(FileError::Library("libc.so.6".into()).into()));
}

#[test]
fn a_file_without_relro_is_refused() {
    let bytes = link("norelro", &["-Wl,-z,norelro"]);
    assert_eq!(ServerFile::parse(&bytes), Err(FileError::NoRelro.into()));
}
