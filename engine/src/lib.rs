//! The meaning of Warren's model, without a machine.
#![no_std]
extern crate alloc;

pub mod plan;
pub mod space;
