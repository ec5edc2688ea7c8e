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

/// Some here, some there, on two CPUs that count instructions: each lets somebody else run after a random number of them, on average four thousand.
pub const TWO_CPUS: Variant = Variant {
    name: "two CPUs",
    arguments: &[
        "--place",
        "all=own",
        "--place",
        "disk=kernel",
        "--place",
        "namespace=kernel",
        "--cpus",
        "2",
        "--count-instructions",
        "--append",
        "preempt=1-8000",
    ],
};
/// The same on four, with every server in a domain of its own.
pub const FOUR_CPUS: Variant = Variant {
    name: "four CPUs",
    arguments: &[
        "--place",
        "all=own",
        "--cpus",
        "4",
        "--count-instructions",
        "--append",
        "preempt=1-8000:7",
    ],
};
/// Machines with several CPUs, preempted at random.
pub const SEVERAL_CPUS: [Variant; 2] = [TWO_CPUS, FOUR_CPUS];

/// All placements.
pub const ALL: [Variant; 5] = [KERNEL, OWN, SHARED, MIXED, HOSTED];
