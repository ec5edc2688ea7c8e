//! Memory routines in assembly, for kernel and servers.
