//! Tests of whole systems, each module a subject.
//!
//! They are one program, so that its threads always have tests to run, whatever subject they are of: as many systems run at a time as may
//! ([`warren_tests::run`]) until the last tests. `cargo test --release -p warren-tests accounts::` runs the tests of one subject.

mod accounts;
mod boots;
mod budgets;
mod clients;
mod crosstalk;
mod debug;
mod exhaustion;
mod faults;
mod fetch;
mod hoarders;
mod hostile;
mod http;
mod interrupts;
mod inversion;
mod iperf3;
mod ipv6;
mod kills;
mod log;
mod must_not_compile;
mod names;
mod network;
mod outages;
mod partitions;
mod paths;
mod pipelines;
mod processors;
mod programs;
mod queues;
mod same_bytes;
mod schedulers;
mod scripts;
mod tcp;
mod threads;
mod two_networks;
mod unreachable;
mod unreliable;
