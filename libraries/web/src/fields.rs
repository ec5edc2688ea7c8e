//! Fields of heads.

use httparse::Header;

/// The values of a field, which may be there several times.
pub fn values<'a>(fields: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let fields = fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    fields.map(|field| field.value.trim_ascii())
}

/// A number in a value: digits and nothing else.
pub fn number(text: &[u8]) -> Option<u64> {
    // `parse` would take a sign.
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text)?;
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn all_values_of_a_field_are_found_however_it_is_written() {
        let field = |name, value| Header { name, value };
        let fields = [field("A", b" 1 "), field("b", b"2"), field("a", b"3")];
        assert_eq!(values(&fields, "a").collect::<Vec<_>>(), [b"1", b"3"]);
        assert_eq!(values(&fields, "c").count(), 0);
    }

    #[test]
    fn numbers_have_no_sign() {
        assert_eq!((number(b"18446744073709551615"), number(b"0")), (Some(u64::MAX), Some(0)));
        for text in ["", "+1", "-1", "1 ", "18446744073709551616", "0x1"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }
}
