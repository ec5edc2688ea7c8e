//! The RAM disk in C: what a compiler makes of it is a server file.

use std::{env, ffi::OsStr, fs, path::PathBuf, process::Command};

use warren_abi::description::records;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn run(program: &str, arguments: &[&OsStr]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The RAM disk, compiled and linked without warnings.
fn ramdisk() -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("ramdisk-c-{:?}.so", std::thread::current().id()));
    let path = |path: &str| PathBuf::from(ROOT).join(path);
    let mut arguments: Vec<&OsStr> = [
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        "-fno-plt",
        "-fvisibility=hidden",
        "-nostdlib",
        "-ffreestanding",
        "-Wl,-z,relro,-z,now,-z,separate-code,-z,max-page-size=4096,--fatal-warnings",
        "-I",
        env!("CARGO_MANIFEST_DIR"),
    ]
    .map(OsStr::new)
    .into();
    let sources =
        [path("servers/storage/ramdisk-c/ramdisk.c"), path("model/intrinsics/src/memory.s")];
    arguments.extend(sources.iter().map(|source| source.as_os_str()));
    arguments.extend([OsStr::new("-o"), file.as_os_str()]);
    run(&env::var("CC").unwrap_or_else(|_| "cc".into()), &arguments);
    file
}

#[test]
fn it_describes_itself_as_a_server_in_rust_would() {
    let file = ramdisk();
    let section = file.with_extension("section");
    let dump = format!("--dump-section=.warren={}", section.display());
    let copy = file.with_extension("copy");
    run("objcopy", &[OsStr::new(&dump), file.as_os_str(), copy.as_os_str()]);
    let section = fs::read(section).unwrap();
    let records: Vec<_> = records(&section).unwrap().map(Result::unwrap).collect();
    let expected: [(u8, &[u8]); 11] = [
        (b'N', b"ramdisk-c"),
        (b'D', b"A disk in memory, in C"),
        (b'P', b"\x01\0\x0c\xb1\0BlockDevice"),
        (b'F', b"block_bytes(_v)"),
        (b'F', b"blocks(_w)"),
        (b'F', b"read(wo_n)"),
        (b'F', b"write(wi_n)"),
        (b'F', b"flush(_n)"),
        (b'R', b"\x01\0\x2a\x9a\x01parameters:Parameters"),
        (b'F', b"get(io_w)"),
        (b'M', b"blocks"),
    ];
    assert_eq!(records[..11], expected);
    assert_eq!(records[11..], [(b'A', &[0, 0, 0, 0, 0, 64, 0, 0, 16, 0, 0, 0, 8, 0, 0, 0][..])]);
}

#[test]
fn it_imports_what_it_calls_and_nothing_else() {
    let file = ramdisk();
    let symbols = run(
        "nm",
        &["-D", "--format=just-symbols"]
            .map(OsStr::new)
            .into_iter()
            .chain([file.as_os_str()])
            .collect::<Vec<_>>(),
    );
    let symbols: Vec<_> = symbols.lines().collect();
    let expected =
        ["warren_server", "wcalla.9a2a0001.0.Parameters.get.io_w", "wsys.grow", "wsys.required"];
    assert_eq!(symbols, expected);
}
