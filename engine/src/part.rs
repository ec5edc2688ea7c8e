//! Marks of the parts of a call, for `./warren bench --explain`.
//!
//! They lie in a section of the program's file that is not loaded: the address where a part starts, eight bytes, and its
//! name, which ends with a zero. A part lasts until the next one, or the next function in Rust.

/// Assembly that says which part of a call starts here. It is no instruction.
#[macro_export]
macro_rules! part {
    ($name:literal) => {
        concat!(
            "90:\n",
            ".pushsection .debug_parts, \"\", @progbits\n",
            ".quad 90b\n",
            ".asciz \"",
            $name,
            "\"\n",
            ".popsection\n",
        )
    };
}
