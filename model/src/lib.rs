//! What a Warren server is written with.
