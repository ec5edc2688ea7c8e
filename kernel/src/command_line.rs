//! The command line: words with blanks between them, each `name` or `name=value`.

/// Values of the words `name=value`, in their order.
pub fn values<'a>(line: &'a str, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
    let settings = line.split_ascii_whitespace().filter_map(|word| word.split_once('='));
    settings.filter_map(move |(key, value)| (key == name).then_some(value))
}

/// Value of the last word `name=value`.
pub fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    values(line, name).next_back()
}

#[cfg(test)]
mod tests {
    use super::{value, values};

    #[test]
    fn the_last_value_of_a_name_counts() {
        assert_eq!(value("log=com1 quiet log=com2 x=a=b", "log"), Some("com2"));
        assert_eq!(value("x=a=b", "x"), Some("a=b"));
    }

    #[test]
    fn a_name_may_have_several_values() {
        assert!(values("d=1 e=2 d=3 quiet", "d").eq(["1", "3"]));
        assert_eq!(values("d=1", "e").count(), 0);
    }

    #[test]
    fn a_word_without_value_has_none() {
        assert_eq!(value("quiet logs=1", "quiet"), None);
        assert_eq!(value("quiet logs=1", "log"), None);
    }
}
