//! Why a step did not come to its end.

/// Why a step did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This block is not in memory. Whoever runs the step gets it and runs the step again.
    Missing(u64),
    /// What is on the disk makes no sense.
    Corrupt,
    /// The disk uses a feature that is not known here.
    Unsupported,
    /// No such file or directory.
    NotFound,
    /// A part of the path is not a directory.
    NotADirectory,
    /// The path, or a name in it, is too long or no path.
    BadName,
    /// Too many symbolic links.
    Loop,
}
