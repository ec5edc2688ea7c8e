//! The shell over a world in memory.

mod commands;
mod language;
mod properties;
mod support;
