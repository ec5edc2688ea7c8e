//! Warren in a Linux process.
