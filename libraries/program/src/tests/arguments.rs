//! Options and operands.

use crate::arguments::{Arguments, UsageError};

/// What is read of arguments with the flags `a` and `b`, and `n`, which has a value.
fn read(given: &[&str]) -> Result<Arguments, UsageError> {
    Arguments::parse(given.iter().map(|word| String::from(*word)).collect(), "ab", "n")
}

/// What a refusal with this text is.
fn refused<T>(text: &str) -> Result<T, UsageError> {
    Err(UsageError(text.into()))
}

#[test]
fn options_may_be_joined_and_stand_after_operands() {
    let arguments = read(&["-ab", "x", "-n5", "y", "-n", "6"]).unwrap();
    assert!(arguments.has('a') && arguments.has('b'));
    assert_eq!(arguments.number('n'), Ok(Some(6)));
    assert_eq!(arguments.operands, ["x", "y"]);
}

#[test]
fn two_dashes_end_options_and_one_is_an_operand() {
    let arguments = read(&["-", "--", "-a"]).unwrap();
    assert!(!arguments.has('a'));
    assert_eq!(arguments.operands, ["-", "-a"]);
}

#[test]
fn what_is_no_option_is_refused_by_name() {
    assert_eq!(read(&["-c"]), refused("unknown option -c"));
    assert_eq!(read(&["--help"]), refused("unknown option --help"));
    assert_eq!(read(&["-n"]), refused("option -n needs a value"));
    assert_eq!(read(&["-n", "x"]).unwrap().number('n'), refused("not a number: x"));
}

#[test]
fn operands_are_counted() {
    assert_eq!(read(&["x"]).unwrap().exactly(["FROM", "TO"]), refused("TO is missing"));
    assert_eq!(read(&["x"]).unwrap().none(), refused("unexpected operand: x"));
    assert_eq!(read(&["x", "y"]).unwrap().at_most_one(), refused("unexpected operand: y"));
    assert_eq!(read(&["x"]).unwrap().at_most_one(), Ok(Some("x".into())));
}
