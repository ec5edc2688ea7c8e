use super::{
    example::{CONSOLE, IMPORTS, undefined},
    *,
};
use crate::file::{Function, Import, Mismatch, OutgoingCall, SignatureText, limits};

fn function(name: &str, signature: &str) -> Function {
    Function { name: name.into(), signature: SignatureText::parse(signature).unwrap() }
}

/// An example with this undefined symbol besides its own is refused.
fn symbol_refused(symbol: &str, error: FileError) {
    refused(|file| file.symbols.push(undefined(symbol)), error);
}

fn mismatch(symbol: &str, mismatch: Mismatch) {
    symbol_refused(symbol, FileError::Call { symbol: symbol.into(), mismatch });
}

#[test]
fn calls_are_read_from_the_undefined_symbols() {
    let call = OutgoingCall {
        service: CONSOLE,
        service_name: "Console".into(),
        atomic: false,
        index: 1,
        function: function("write", "i_n"),
    };
    let file = accepted(|_| ());
    assert_eq!(file.calls(), [call]);
    assert_eq!(file.calls()[0].symbol(), IMPORTS[0]);
}

#[test]
fn system_functions_and_memory_are_read_from_the_undefined_symbols() {
    let file = accepted(|file| file.symbols.push(undefined("wsys.state")));
    let spawn = warren_abi::system::FUNCTIONS.iter().position(|name| *name == "wsys.spawn");
    let expected =
        [Import::Function(spawn.unwrap()), Import::Required, Import::State, Import::Heap];
    assert_eq!(file.system_imports(), expected);
}

#[test]
fn an_undefined_symbol_that_is_not_of_the_contract_is_refused_by_name() {
    for symbol in ["memcpy", "wsys.reboot", "wcallx.c0150001.1.Console.write.i_n"] {
        symbol_refused(symbol, FileError::Undefined(symbol.into()));
    }
}

#[test]
fn a_call_that_is_none_is_refused_by_name() {
    let symbols = [
        "wcall.c0150001.1.Console.write",
        "wcall.c0150001.1.Console.write.q_n",
        "wcall.c015001.1.Console.write.i_n",
        "wcall.c0150001.70000.Console.write.i_n",
        "wcall.c0150001.256.Console.write.i_n",
        "wcall.00000000.0.Console.write.i_n",
        "wcalla.",
    ];
    for symbol in symbols {
        symbol_refused(symbol, FileError::MalformedCall(symbol.into()));
    }
}

#[test]
fn a_call_with_another_signature_than_described_is_refused_with_both() {
    let (one, other) = (Some(function("write", "iv_n")), Some(function("write", "i_n")));
    mismatch("wcall.c0150001.1.Console.write.iv_n", Mismatch::Function { index: 1, one, other });
    let error = ServerFile::parse(&{
        let mut file = Example::new();
        file.symbols.push(undefined("wcall.c0150001.1.Console.write.iv_n"));
        file.bytes()
    });
    let message = error.unwrap_err().to_string();
    assert!(message.contains("`write(iv_n)` and `write(i_n)`"), "{message}");
}

#[test]
fn a_call_of_a_function_that_is_not_described_is_refused() {
    let one = Some(function("flush", "_n"));
    mismatch(
        "wcall.c0150001.2.Console.flush._n",
        Mismatch::Function { index: 2, one, other: None },
    );
}

#[test]
fn a_call_that_is_atomic_where_the_description_is_not_is_refused() {
    mismatch("wcalla.c0150001.1.Console.write.i_n", Mismatch::Atomic { one: true });
}

#[test]
fn a_call_to_a_service_of_another_name_than_described_is_refused() {
    let (one, other) = ("Konsole".into(), "Console".into());
    mismatch("wcall.c0150001.1.Konsole.write.i_n", Mismatch::Name { one, other });
}

#[test]
fn a_call_to_a_service_that_the_file_does_not_describe_is_accepted() {
    let symbol = "wcall.7452000a.0.Thread.join._w";
    assert_eq!(accepted(|file| file.symbols.push(undefined(symbol))).calls()[1].symbol(), symbol);
}

#[test]
fn two_versions_of_a_call_to_such_a_service_are_refused() {
    let (one, other) = (Some(function("join", "_w")), Some(function("join", "v_w")));
    let error = FileError::Call {
        symbol: "wcall.7452000a.0.Thread.join._w".into(),
        mismatch: Mismatch::Function { index: 0, one, other },
    };
    refused(
        |file| {
            file.symbols.push(undefined("wcall.7452000a.0.Thread.join._w"));
            file.symbols.push(undefined("wcall.7452000a.0.Thread.join.v_w"));
        },
        error,
    );
}

#[test]
fn a_name_that_is_not_printable_or_too_long_is_refused() {
    let long = "x".repeat(limits::SYMBOL_BYTES + 1);
    for name in ["", "a\x1b[2J", "sp ace", "n\u{e9}", &long] {
        symbol_refused(name, FileError::SymbolName(6));
    }
}

#[test]
fn more_symbols_than_allowed_are_refused() {
    refused(
        |file| file.symbols.resize(limits::SYMBOLS, undefined("wsys.keep")),
        FileError::TooMany("dynamic symbols"),
    );
}
