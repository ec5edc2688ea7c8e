//! The header of all services: that it is the one in the tree, and that a C compiler understands it.

use std::{env, fs, path::PathBuf, process::Command};

use warren_c::{HeaderError, header};

/// The header in the tree.
const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/services.h");

#[test]
fn the_header_in_the_tree_is_that_of_the_services() {
    let text = header(warren_idl::DESCRIPTION).unwrap();
    // A change of the services on purpose: OVERWRITE=1 cargo test -p warren-c
    if env::var_os("OVERWRITE").is_some() {
        fs::write(SERVICES, &text).unwrap();
    }
    assert!(fs::read_to_string(SERVICES).unwrap() == text, "services.h is out of date");
}

#[test]
fn a_c_compiler_understands_the_header_without_a_warning() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join("all.c");
    let uses = "#include \"services.h\"\n\
                struct state { int x; };\n\
                extern const FileSystem_ENTRIES(struct state) table;\n\
                w_ret call(FileSystem files) {\n\
                    File file = { W_TRY(FileSystem_open(files, (const uint8_t *)\"/a\", 2)) };\n\
                    return File_size(file);\n\
                }\n";
    fs::write(&source, uses).unwrap();
    let status = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-c", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fPIC", "-o"])
        .arg(folder.join("all.o"))
        .args(["-I", env!("CARGO_MANIFEST_DIR")])
        .arg(&source)
        .status()
        .expect("a C compiler links every Rust program, so there is one");
    assert!(status.success());
}

#[test]
fn descriptions_that_would_be_no_c_are_refused() {
    let service = |name: &[u8]| {
        let length = [5 + name.len() as u8, 0];
        [&b"WRN\x01\x01\0P"[..], &length, &[1, 0, 0, 0, 0], name].concat()
    };
    assert!(header(&service(b"Good")).is_ok());
    for bad in ["", "1", "a b", "a)", "ä"] {
        let refused = Err(HeaderError::Name(bad.into()));
        assert_eq!(header(&service(bad.as_bytes())), refused);
    }
    assert_eq!(header(&service(b"\xff")), Err(HeaderError::Record('P')));
    assert!(matches!(header(b"nothing"), Err(HeaderError::Description(_))));
    let lonely = b"WRN\x01\x01\0F\x04\0a(_n";
    assert_eq!(header(lonely), Err(HeaderError::Record('F')));
}
