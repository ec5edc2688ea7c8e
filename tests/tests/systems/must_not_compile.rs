//! Programs that break a rule of the model, and what the compiler says of them.
//!
//! Each file of `ui` is one; the message beside it is part of the interface, for it is what people read
//! who break the rule. After a change on purpose, `TRYBUILD=overwrite cargo test -p warren-tests
//! must_not_compile::` writes the messages anew.

#[test]
fn what_breaks_a_rule_does_not_compile() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
