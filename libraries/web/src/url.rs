//! Where documents are (RFC 3986), as far as HTTP without encryption has them.

use alloc::{format, string::String, vec::Vec};
use core::{fmt, net::Ipv6Addr};

/// Port of HTTP.
const PORT: u16 = 80;
const SCHEME: &str = "http";

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// A name, or an address; one of IPv6 without its brackets.
    pub host: String,
    /// The port of TCP there.
    pub port: u16,
    /// Path and query, as they are sent: beginning with `/`, of visible characters of ASCII.
    pub target: String,
}

/// Why a text does not say where a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It does not start with a scheme.
    NoScheme,
    /// Its scheme is another one.
    OtherScheme,
    /// It names no host.
    BadHost,
    /// What follows the colon is no port.
    BadPort,
    /// It has a character that cannot be sent.
    BadCharacter,
}

impl UrlError {
    /// What is wrong, and what would be right.
    pub fn message(self) -> &'static str {
        match self {
            UrlError::NoScheme => "it does not start with http://",
            UrlError::OtherScheme => "only http:// is spoken here",
            UrlError::BadHost => {
                "behind http:// belongs a name, or an address, one of IPv6 in brackets"
            }
            UrlError::BadPort => "behind the colon belongs a port, from 1 to 65535",
            UrlError::BadCharacter => "blanks and what is not ASCII are written as %20 and so on",
        }
    }
}

impl Url {
    /// Reads `http://host:port/path?query`; a fragment is left out, which is nothing that is sent.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = without_fragment(text);
        let scheme = scheme(text).ok_or(UrlError::NoScheme)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(UrlError::OtherScheme);
        }
        let rest = text[scheme.len() + 1..].strip_prefix("//").ok_or(UrlError::NoScheme)?;
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            // Section 3.2.2.
            Some(address) => {
                let (host, rest) = address.split_once(']').ok_or(UrlError::BadHost)?;
                host.parse::<Ipv6Addr>().map_err(|_| UrlError::BadHost)?;
                let port = rest.strip_prefix(':').or(rest.is_empty().then_some(""));
                (host, port.ok_or(UrlError::BadPort)?)
            }
            None => {
                let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
                if host.is_empty() || !host.bytes().all(is_part_of_name) {
                    return Err(UrlError::BadHost);
                }
                (host, port)
            }
        };
        let port = match port {
            "" => PORT,
            port if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().filter(|port| *port != 0).ok_or(UrlError::BadPort)?
            }
            _ => return Err(UrlError::BadPort),
        };
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Url { host: host.into(), port, target: visible(format!("{slash}{target}"))? })
    }

    /// Where a reference in a document leads that lies here (RFC 3986, section 5.2).
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = without_fragment(reference);
        if scheme(reference).is_some() {
            return Url::parse(reference);
        }
        if reference.starts_with("//") {
            return Url::parse(&format!("{SCHEME}:{reference}"));
        }
        let here = self.target.split('?').next().unwrap_or_default();
        let target = match reference.bytes().next() {
            None => self.target.clone(),
            Some(b'?') => format!("{here}{reference}"),
            Some(b'/') => without_dots(reference),
            Some(_) => {
                let folder = here.rfind('/').map_or("", |slash| &here[..slash]);
                without_dots(&format!("{folder}/{reference}"))
            }
        };
        Ok(Url { target: visible(target)?, ..self.clone() })
    }

    /// Host and port, as the field `Host` has them.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port {
            PORT => host,
            port => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}{}", self.authority(), self.target)
    }
}

fn is_part_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_".contains(&byte)
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or_default()
}

/// What stands before the first colon, if that is a scheme (section 3.1).
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    (bytes.next()?.is_ascii_alphabetic() && bytes.all(rest)).then_some(scheme)
}

/// The target, if it can be sent: a line break in it would be the end of the line that it stands in.
fn visible(target: String) -> Result<String, UrlError> {
    match target.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(target),
        false => Err(UrlError::BadCharacter),
    }
}

/// A target without `.` and `..` in its path (section 5.2.4).
fn without_dots(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut parts: Vec<&str> = Vec::new();
    let mut all = path.split('/').skip(1).peekable();
    while let Some(part) = all.next() {
        if part == ".." {
            parts.pop();
        }
        match part {
            // A folder stays one.
            "." | ".." if all.peek().is_none() => parts.push(""),
            "." | ".." => (),
            part => parts.push(part),
        }
    }
    format!("/{}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_has_host_port_and_target() {
        let url = |text| Url::parse(text).map(|url| (url.host, url.port, url.target));
        let is = |host: &str, port, target: &str| Ok((host.into(), port, target.into()));
        assert_eq!(url("http://a.test"), is("a.test", 80, "/"));
        assert_eq!(url("HTTP://10.0.2.2:8080/a/b?c=d#e"), is("10.0.2.2", 8080, "/a/b?c=d"));
        assert_eq!(url("http://a?b=c:d/e"), is("a", 80, "/?b=c:d/e"));
        assert_eq!(url("http://a:/x"), is("a", 80, "/x"));
        assert_eq!(url("http://[::1]/x"), is("::1", 80, "/x"));
        assert_eq!(url("http://[fe80::1]:8080"), is("fe80::1", 8080, "/"));
        let shown = Url::parse("http://[fe80::1]:8080").unwrap().to_string();
        assert_eq!(shown, "http://[fe80::1]:8080/");
    }

    #[test]
    fn what_says_no_place_is_refused() {
        use UrlError::*;
        for (text, error) in [
            ("", NoScheme),
            ("10.0.2.2/x", NoScheme),
            ("/x", NoScheme),
            ("http:/x", NoScheme),
            ("https://a/", OtherScheme),
            ("ftp://a/", OtherScheme),
            ("http://", BadHost),
            ("http:///x", BadHost),
            ("http://u@a/", BadHost),
            ("http://a b/", BadHost),
            ("http://[::1", BadHost),
            ("http://[a]/", BadHost),
            ("http://[::1]a/", BadPort),
            ("http://::1/", BadHost),
            ("http://a:0/", BadPort),
            ("http://a:65536/", BadPort),
            ("http://a:+1/", BadPort),
            ("http://a/b c", BadCharacter),
            ("http://a/b\r\nEvil: c", BadCharacter),
            ("http://a/ä", BadCharacter),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
    }

    /// The examples of RFC 3986, section 5.4, that lead to HTTP.
    #[test]
    fn references_lead_where_the_standard_says() {
        let here = Url::parse("http://a/b/c/d;p?q").unwrap();
        for (reference, there) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("http://b:81/x", "http://b:81/x"),
        ] {
            assert_eq!(here.join(reference).unwrap().to_string(), there, "{reference}");
        }
        assert_eq!(here.join("https://a/"), Err(UrlError::OtherScheme));
        assert_eq!(here.join("/a\nb"), Err(UrlError::BadCharacter));
    }

    proptest! {
        #[test]
        fn what_was_understood_is_understood_again(text in "http://[a-z0-9.:/?#%@ \\[\\]]{0,20}", reference in "[a-z.:/?# ]{0,20}") {
            if let Ok(url) = Url::parse(&text) {
                prop_assert_eq!(Url::parse(&url.to_string()), Ok(url.clone()));
                if let Ok(there) = url.join(&reference) {
                    prop_assert_eq!(Url::parse(&there.to_string()), Ok(there.clone()));
                    prop_assert!(there.target.starts_with('/'));
                }
            }
        }
    }
}
