//! The command line: words with blanks between them, each `name` or `name=value`.

/// Value of the last word `name=value`.
pub fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let settings = line.split_ascii_whitespace().rev().filter_map(|word| word.split_once('='));
    settings.filter_map(|(key, value)| (key == name).then_some(value)).next()
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn the_last_value_of_a_name_counts() {
        assert_eq!(value("log=com1 quiet log=com2 x=a=b", "log"), Some("com2"));
        assert_eq!(value("x=a=b", "x"), Some("a=b"));
    }

    #[test]
    fn a_word_without_value_has_none() {
        assert_eq!(value("quiet logs=1", "quiet"), None);
        assert_eq!(value("quiet logs=1", "log"), None);
    }
}
