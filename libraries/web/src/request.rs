//! What a client asks for.

use alloc::{format, string::String, vec::Vec};
use core::mem::MaybeUninit;

use httparse::Header;

use crate::{answer::Status, escapes::unescaped, fields::number, url::Url};

/// Most bytes of a head.
pub const HEAD_BYTES: usize = 8 * 1024;
/// Most fields of a head.
const FIELDS: usize = 64;

/// A request, as far as servers of documents care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whether only the head of the answer is wanted (HEAD).
    pub only_head: bool,
    /// The path, which begins with `/` and never leads above it.
    pub path: String,
    /// Whether the path ended with `/`.
    pub is_folder: bool,
    /// What is behind the path, from the `?` on; empty if there is none.
    pub query: String,
    /// Whether another request may follow on the connection.
    pub keep: bool,
    /// Which part is wanted.
    pub range: Option<Range>,
    /// The part is wanted only of what has this tag.
    pub range_if: Option<String>,
    /// What the client has already.
    pub known_tags: Option<String>,
    /// What the client takes it for: otherwise it wants nothing of it.
    pub expected_tags: Option<String>,
}

/// A part of a file (RFC 9110, section 14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// From a byte to another one, that included, or to the end.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

impl Range {
    /// The first byte, and how many, of a file of so many bytes; `None` if there are none of them.
    pub fn of(self, bytes: u64) -> Option<(u64, u64)> {
        let (first, behind) = match self {
            Range::From(first, last) => {
                (first, last.map_or(bytes, |last| last.saturating_add(1).min(bytes)))
            }
            Range::Last(count) => (bytes.saturating_sub(count), bytes),
        };
        (first < behind).then(|| (first, behind - first))
    }
}

/// What became of reading a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// There is more to come.
    Partial,
    /// A request, and how many bytes it takes.
    Request(Request, usize),
    /// It is answered with an error, and the connection is closed.
    Refused(Status),
}

/// What a client asks for a document, by this method, on a connection of its own.
pub fn text(method: &str, url: &Url) -> String {
    let (target, host) = (&url.target, url.authority());
    format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Warren\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    )
}

/// Reads the request at the beginning of what came.
pub fn read(bytes: &[u8]) -> Read {
    // Most of them stay what they are: nothing.
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut head = httparse::Request::new(&mut []);
    match head.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) => match understand(&head) {
            Ok(request) => Read::Request(request, length),
            Err(status) => Read::Refused(status),
        },
        Ok(httparse::Status::Partial) if bytes.len() >= HEAD_BYTES => {
            Read::Refused(too_long(&bytes[..HEAD_BYTES]))
        }
        Ok(httparse::Status::Partial) => Read::Partial,
        Err(httparse::Error::TooManyHeaders) => Read::Refused(Status::HeadTooLarge),
        Err(httparse::Error::Version) => Read::Refused(Status::UnknownVersion),
        Err(_) => Read::Refused(Status::BadRequest),
    }
}

/// What is too long in a head: its first line or all of it (RFC 9112, section 3).
fn too_long(head: &[u8]) -> Status {
    let head = head.trim_ascii_start();
    match (head.contains(&b'\n'), head.contains(&b' ')) {
        (true, _) => Status::HeadTooLarge,
        (false, true) => Status::TargetTooLong,
        (false, false) => Status::UnknownMethod,
    }
}

/// The fields that are looked at.
const NAMES: [&str; 8] = [
    "host",
    "connection",
    "transfer-encoding",
    "content-length",
    "range",
    "if-range",
    "if-none-match",
    "if-match",
];

/// What stands in them: the first value of each, and whether there are several. Each field of a head, of which there may be many, is looked at once.
fn found<'a>(fields: &'a [Header<'a>]) -> [(Option<&'a str>, bool); NAMES.len()] {
    let mut found = [(None, false); NAMES.len()];
    for field in fields {
        let name = NAMES.iter().position(|name| name.eq_ignore_ascii_case(field.name));
        if let Some((value, several)) = name.map(|at| &mut found[at]) {
            *several = value.is_some();
            value.get_or_insert(field.value);
        }
    }
    found.map(|(value, several)| {
        let text = value.and_then(|value| str::from_utf8(value).ok());
        (text.map(str::trim), several)
    })
}

/// The methods that HTTP has beside those that are served (RFC 9110, section 9.3; RFC 5789).
const METHODS: [&str; 7] = ["POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

fn understand(head: &httparse::Request<'_, '_>) -> Result<Request, Status> {
    let [host, connection, coding, length, part, range_if, known_tags, expected_tags] =
        found(head.headers);
    let is_newest = head.version == Some(1);
    let (host, several_hosts) = host;
    if several_hosts || (is_newest && host.is_none()) {
        return Err(Status::BadRequest);
    }
    let only_head = match head.method {
        Some("GET") => false,
        Some("HEAD") => true,
        Some(method) if METHODS.contains(&method) => return Err(Status::MethodNotAllowed),
        _ => return Err(Status::UnknownMethod),
    };
    let (connection, _) = connection;
    let says = |word: &str| {
        connection.is_some_and(|all| all.split(',').any(|it| it.trim().eq_ignore_ascii_case(word)))
    };
    // What a request brings with it is not read, so that nothing can follow it.
    let has_body = coding.0.is_some() || length.0.is_some_and(|length| length != "0");
    let keep = !has_body && if is_newest { !says("close") } else { says("keep-alive") };
    let target = head.path.ok_or(Status::BadRequest)?;
    let (path, is_folder) = path(target)?;
    Ok(Request {
        only_head,
        path,
        is_folder,
        query: query(target).into(),
        keep,
        range: part.0.and_then(range),
        range_if: range_if.0.map(String::from),
        known_tags: known_tags.0.map(String::from),
        // Several fields are one list, of which nothing is said if only a part of it is known.
        expected_tags: expected_tags.0.filter(|_| !expected_tags.1).map(String::from),
    })
}

/// The path of a target: without a query, with what was escaped in its place, without `.` and `..`.
fn path(target: &str) -> Result<(String, bool), Status> {
    let target = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    if !target.starts_with('/') {
        return Err(Status::BadRequest);
    }
    let end = target.find(['?', '#']).unwrap_or(target.len());
    let mut decoded = unescaped(&target[..end]).ok_or(Status::BadRequest)?;
    let is_plain = !decoded.as_bytes().windows(2).any(|pair| matches!(pair, b"//" | b"/."));
    if is_plain {
        let is_folder = decoded.ends_with('/');
        if is_folder && decoded.len() > 1 {
            decoded.pop();
        }
        return Ok((decoded, is_folder));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in decoded.split('/') {
        match part {
            "" | "." => (),
            ".." => drop(parts.pop().ok_or(Status::BadRequest)?),
            part => parts.push(part),
        }
    }
    let is_folder = ["/", "/.", "/.."].iter().any(|end| decoded.ends_with(end));
    let mut path = String::from("/");
    path.push_str(&parts.join("/"));
    Ok((path, is_folder))
}

/// The query of a target, with its `?`.
fn query(target: &str) -> &str {
    let target = target.split('#').next().unwrap_or_default();
    target.find('?').map_or("", |at| &target[at..])
}

/// One part; several are not served, but all of it.
fn range(value: &str) -> Option<Range> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| number(text.as_bytes());
    match (first, last) {
        ("", last) => Some(Range::Last(number(last)?)),
        (first, "") => Some(Range::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Range::From(first, Some(last)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Request {
        match read(text.as_bytes()) {
            Read::Request(request, length) if length == text.len() => request,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn refused(text: &str) -> Status {
        match read(text.as_bytes()) {
            Read::Refused(status) => status,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn path_of(target: &str) -> (String, bool) {
        let request = of(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        (request.path, request.is_folder)
    }

    #[test]
    fn a_usual_request_is_understood() {
        let request =
            of("GET /docs/a%20b.html?x=1 HTTP/1.1\r\nHost: localhost\r\nRange: bytes=5-9\r\n\r\n");
        let expected = Request {
            only_head: false,
            path: "/docs/a b.html".into(),
            is_folder: false,
            query: "?x=1".into(),
            keep: true,
            range: Some(Range::From(5, Some(9))),
            range_if: None,
            known_tags: None,
            expected_tags: None,
        };
        assert_eq!(request, expected);
    }

    #[test]
    fn a_server_reads_what_a_client_asks() {
        for (method, only_head) in [("GET", false), ("HEAD", true)] {
            let url = Url::parse("http://[fe80::2]:8080/a/./b?c").unwrap();
            let request = of(&text(method, &url));
            assert_eq!(
                (request.only_head, &*request.path, request.keep),
                (only_head, "/a/b", false)
            );
        }
    }

    #[test]
    fn connections_are_kept_as_the_version_says() {
        let keep = |version: &str, field: &str| {
            of(&format!("GET / HTTP/{version}\r\nHost: a\r\n{field}\r\n")).keep
        };
        assert!(keep("1.1", "") && !keep("1.0", ""));
        assert!(
            !keep("1.1", "Connection: foo, Close\r\n") && keep("1.0", "connection: keep-alive\r\n")
        );
        assert!(!keep("1.1", "Content-Length: 5\r\n"), "what comes is not read");
        assert!(keep("1.1", "Content-Length: 0\r\n"));
        assert!(!keep("1.1", "Transfer-Encoding: chunked\r\n"));
    }

    #[test]
    fn no_path_leads_above_the_first_folder() {
        assert_eq!(path_of("/"), ("/".into(), true));
        assert_eq!(path_of("/a/b"), ("/a/b".into(), false));
        assert_eq!(path_of("/a/b/"), ("/a/b".into(), true));
        assert_eq!(path_of("/a/.b/c"), ("/a/.b/c".into(), false));
        assert_eq!(path_of("//a/./b/../c/"), ("/a/c".into(), true));
        assert_eq!(path_of("/a/.."), ("/".into(), true));
        assert_eq!(path_of("http://host:80/x"), ("/x".into(), false));
        assert_eq!(
            path_of("/%2e%2e%2fa/../b".replace("%2e%2e%2f", "x").as_str()),
            ("/b".into(), false)
        );
        for target in
            ["/..", "/a/../..", "/%2e%2e/a", "/a%2f..%2f..", "/%", "/%g0", "/%00", "/%ff", "x", "*"]
        {
            assert_eq!(
                refused(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")),
                Status::BadRequest,
                "{target}"
            );
        }
    }

    #[test]
    fn what_cannot_be_served_is_said() {
        assert_eq!(refused("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), Status::MethodNotAllowed);
        assert_eq!(refused("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), Status::MethodNotAllowed);
        for method in ["FOO", "get", "HEADS"] {
            let text = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(refused(&text), Status::UnknownMethod, "{method}");
        }
        assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), Status::BadRequest, "no host");
        assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), Status::BadRequest);
        assert_eq!(refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), Status::UnknownVersion);
        assert_eq!(refused("GET / HTTP/1.1\r\nHost a\r\n\r\n"), Status::BadRequest);
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(HEAD_BYTES));
        assert_eq!(refused(&long), Status::TargetTooLong);
        assert_eq!(refused(&"A".repeat(HEAD_BYTES)), Status::UnknownMethod);
        let long = format!("\r\nGET / HTTP/1.1\r\nA: {}", "a".repeat(HEAD_BYTES));
        assert_eq!(refused(&long), Status::HeadTooLarge);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(FIELDS + 1));
        assert_eq!(refused(&many), Status::HeadTooLarge);
        assert_eq!(read(b"GET / HTTP/1.1\r\nHost: a\r\n"), Read::Partial);
    }

    #[test]
    fn queries_are_what_is_between_path_and_fragment() {
        let cases = [("/a", ""), ("/a?x=y?z#?b", "?x=y?z"), ("/a#b?c", ""), ("/?", "?")];
        for (target, expected) in cases.into_iter().chain([("http://a/b?c%20", "?c%20")]) {
            let request = of(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
            assert_eq!(request.query, expected, "{target}");
        }
    }

    #[test]
    fn what_a_client_expects_is_one_list() {
        let expected =
            |fields: &str| of(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).expected_tags;
        assert_eq!(expected("If-Match: \"a\"\r\n").as_deref(), Some("\"a\""));
        assert_eq!(expected("If-Match: \"a\"\r\nIf-Match: \"b\"\r\n"), None);
    }

    #[test]
    fn parts_are_those_that_there_are() {
        assert_eq!(range("bytes=0-"), Some(Range::From(0, None)));
        assert_eq!(range("bytes=-5"), Some(Range::Last(5)));
        for text in
            ["bytes=5-4", "bytes=a-b", "bytes=1-2,4-5", "lines=1-2", "bytes=+1-2", "bytes=-"]
        {
            assert!(range(text).is_none_or(|it| it == Range::Last(0)), "{text}");
        }
        assert_eq!(Range::From(5, Some(9)).of(8), Some((5, 3)));
        assert_eq!(Range::From(8, None).of(8), None);
        assert_eq!(Range::Last(3).of(8), Some((5, 3)));
        assert_eq!(Range::Last(30).of(8), Some((0, 8)));
        assert_eq!(Range::Last(0).of(8), None);
        assert_eq!(Range::From(0, Some(u64::MAX)).of(1), Some((0, 1)));
    }

    proptest! {
        #[test]
        fn whatever_comes_no_path_leads_out(bytes in prop::collection::vec(any::<u8>(), 0..300), target in "[/.%a-f0-9?]{0,30}") {
            read(&bytes);
            let request = format!("GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n");
            if let Read::Request(request, _) = read(request.as_bytes()) {
                prop_assert!(request.path.starts_with('/'));
                prop_assert!(request.path.split('/').all(|part| part != ".." && part != "."));
            }
        }
    }
}
