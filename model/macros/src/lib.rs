//! The macros of Warren's model.
