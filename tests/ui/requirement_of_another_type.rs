//! A requirement is a reference.

use warren::Required;

#[derive(Required)]
pub struct Needs {
    number: u64,
}

fn main() {}
