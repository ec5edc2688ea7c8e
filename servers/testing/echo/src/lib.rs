//! Answers what tests can predict.
#![no_std]
#![forbid(unsafe_code)]
