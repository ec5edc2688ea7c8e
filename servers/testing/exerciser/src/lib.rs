//! Tests every way to pass something between servers.
#![no_std]
#![forbid(unsafe_code)]
