//! Answers what tests can predict, without a lock.
#![no_std]
#![forbid(unsafe_code)]
