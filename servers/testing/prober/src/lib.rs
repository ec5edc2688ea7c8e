//! Makes random system calls and sees what comes of it.
#![no_std]
#![forbid(unsafe_code)]
