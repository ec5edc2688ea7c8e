//! What stands in links and targets in the place of characters that cannot (RFC 3986, section 2.1).

use alloc::{format, string::String, vec::Vec};

/// A name, or a path, as a part of a link.
pub fn escaped(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(byte.into());
            }
            byte => text += &format!("%{byte:02X}"),
        }
    }
    text
}

/// A path with what was escaped in its place; `None` if that is no text.
pub fn unescaped(text: &str) -> Option<String> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'%') {
        return Some(text.into());
    }
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                (high * 16 + low) as u8
            }
            byte => byte,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains(|character: char| character.is_control())).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_an_escape_and_what_is_no_text_are_refused() {
        for text in ["%", "%2", "%zz", "%ff", "%00"] {
            assert_eq!(unescaped(text), None, "{text}");
        }
        assert_eq!(unescaped("/a%20b").as_deref(), Some("/a b"));
    }

    proptest! {
        #[test]
        fn what_was_escaped_comes_back(name in "\\PC{0,20}") {
            let text = escaped(&name);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(unescaped(&text), Some(name));
        }
    }
}
