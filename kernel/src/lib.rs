//! Warren on the bare machine.
