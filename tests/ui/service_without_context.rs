//! A service function takes the context first.
#![allow(unused_imports)]

use warren::service;
use warren_idl::ConsoleError;

#[service(id = 1)]
pub trait Plain {
    fn look(&self) -> Result<(), ConsoleError>;
}

fn main() {}
