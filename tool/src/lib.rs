//! The warren command.
