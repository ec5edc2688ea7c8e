//! Whole connections over a network that exists in virtual time only, and with other TCPs.

mod host;
mod link;
mod memory;
mod packet;
mod random;
mod tun;
mod world;

mod crowds;
mod interoperation;
mod joining;
mod linux;
mod states;
mod throughput;
mod transfers;
