//! Tests of what programs share.

mod arguments;
mod inputs;
mod properties;
