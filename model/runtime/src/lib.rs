//! Panic handler and heap that are linked into every server file.
