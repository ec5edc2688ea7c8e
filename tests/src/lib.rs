//! Whole-system tests: scenarios that run the `warren` tool and look at what a person would see.
//!
//! # Shape
//!
//! | module | what |
//! | --- | --- |
//! | [`run`] | one run of the tool: system, placements, script, time limit; what it said |
//! | [`variant`] | the placements that one scenario runs in |
//! | [`disk`] | an image whose files are known |
//! | [`changed`] | systems that are changed for a test |
//! | [`books`] | what the system's books say before and after a load |
//! | [`disc`] | a system that GRUB boots |
//! | [`dnsmasq`] | a server of addresses and names beside a system |
//! | [`capture`] | what went over a network, as Wireshark reads it |
//! | [`namespace`] | a network with Linux as the other side |
//! | [`packets`] | packets that no protocol would send |
//! | [`station`] | this host as a client of a system with a network |
//!
//! A scenario is data, so that the same one runs hosted and in QEMU, and wherever the servers are placed.
//!
//! # Time
//!
//! Without hardware virtualisation each switch of page tables costs QEMU its translations, so a script is short and
//! one boot serves many checks. No more systems run at a time than the host has processors.

pub mod books;
pub mod capture;
pub mod changed;
pub mod disc;
pub mod disk;
pub mod dnsmasq;
pub mod namespace;
pub mod packets;
pub mod run;
pub mod station;
pub mod variant;
