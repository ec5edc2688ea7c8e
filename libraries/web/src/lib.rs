//! HTTP/1.1 without input and output (RFC 9110, RFC 9112): what clients ask and what servers answer, written and read, and where documents are.
//!
//! Client and server write what the other one reads, so both halves are here, and are tested against each other.
//!
//! | module | what | written by | read by |
//! | --- | --- | --- | --- |
//! | [`request`] | what is asked | clients | servers |
//! | [`answer`] | heads of answers | servers | |
//! | [`response`] | heads and bodies of answers | | clients |
//! | [`fields`] | what stands in heads of both | | both |
//! | [`escapes`] | what stands in the place of characters that cannot | servers | servers |
//! | [`url`] | where documents are | | clients |
//!
//! # What is believed
//!
//! Nothing: whoever is at the other end may be anybody. Heads are taken apart by `httparse`; what they mean is found out here, within limits.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod answer;
pub mod escapes;
pub mod fields;
pub mod request;
pub mod response;
pub mod url;
