//! Tests of what programs share.

mod arguments;
mod inputs;
mod json;
mod properties;
