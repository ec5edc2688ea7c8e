//! The warren command: builds server files, checks systems, runs them.
//!
//! | module | what |
//! | --- | --- |
//! | [`command`] | the command line, one module for each command |
//! | [`build`] | server files, kernel, hosted platform |
//! | [`system`] | system files: read, checked, planned |
//! | [`inspect`] | what a server file says |
//! | [`fuzz`] | fuzz targets |
//! | [`bench`] | numbers, and what they may be |
//! | [`run`] | running a system, in QEMU or hosted |
//! | [`output`] | what commands print |
//! | [`project`] | where things lie |
//! | [`failure`] | why a command failed, and what to do |

pub mod bench;
pub mod build;
pub mod command;
pub mod failure;
pub mod fuzz;
pub mod inspect;
pub mod output;
pub mod progress;
pub mod project;
pub mod run;
pub mod system;
