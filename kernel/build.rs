//! Link arguments of the kernel image.

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    println!("cargo:rerun-if-changed=kernel.ld");
    for argument in [
        "-nostdlib",
        "-nostartfiles",
        "-static",
        "-no-pie",
        "-Wl,--gc-sections",
        "-Wl,--build-id=none",
        "-Wl,-z,max-page-size=0x200000",
        "-Wl,-z,norelro",
        &format!("-Wl,-T,{folder}/kernel.ld"),
    ] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
