//! Where servers are placed while one scenario runs.

/// A placement of a whole system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// What it is called.
    pub name: &'static str,
    /// What makes it.
    pub arguments: &'static [&'static str],
}

impl Variant {
    /// Whether it is in Linux processes.
    pub fn is_hosted(&self) -> bool {
        self.arguments.contains(&"--hosted")
    }
}

/// Every server in the kernel.
pub const KERNEL: Variant = Variant { name: "kernel", arguments: &["--place", "all=kernel"] };
/// Every server in a domain of its own.
pub const OWN: Variant = Variant { name: "own", arguments: &["--place", "all=own"] };
/// All servers in one domain.
pub const SHARED: Variant = Variant { name: "shared", arguments: &["--place", "all=shared:one"] };
/// Some here, some there: each border is crossed in both directions.
pub const MIXED: Variant = Variant {
    name: "mixed",
    arguments: &[
        "--place",
        "all=own",
        "--place",
        "disk=kernel",
        "--place",
        "namespace=kernel",
        "--place",
        "serial=shared:console",
        "--place",
        "terminal=shared:console",
    ],
};
/// A Linux process for each domain.
pub const PROCESSES: Variant =
    Variant { name: "hosted processes", arguments: &["--hosted", "--processes"] };
/// A Linux process.
pub const HOSTED: Variant = Variant { name: "hosted", arguments: &["--hosted"] };

/// All of them.
pub const ALL: [Variant; 5] = [KERNEL, OWN, SHARED, MIXED, HOSTED];
