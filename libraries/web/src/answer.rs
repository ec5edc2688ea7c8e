//! Heads of answers: status lines, and what stands in fields.

use alloc::string::String;

/// Bytes of most heads.
const HEAD_BYTES: usize = 256;

/// What became of a request (RFC 9110, section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Here it is.
    Ok,
    /// Here is the part.
    Part,
    /// It is elsewhere.
    Moved,
    /// The client has it already.
    NotModified,
    /// The request makes no sense.
    BadRequest,
    /// There is no such file.
    NotFound,
    /// Only GET and HEAD are served, and it is another method that HTTP has.
    MethodNotAllowed,
    /// It is not what the client takes it for.
    NotAsExpected,
    /// The target is longer than heads may be.
    TargetTooLong,
    /// The file has no such part.
    NoSuchPart,
    /// The head is too long.
    HeadTooLarge,
    /// The file cannot be read.
    Failed,
    /// HTTP has no such method.
    UnknownMethod,
    /// Only HTTP/1 is spoken.
    UnknownVersion,
}

impl Status {
    /// Number and words.
    pub fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::Part => "206 Partial Content",
            Status::Moved => "301 Moved Permanently",
            Status::NotModified => "304 Not Modified",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::NotAsExpected => "412 Precondition Failed",
            Status::TargetTooLong => "414 URI Too Long",
            Status::NoSuchPart => "416 Range Not Satisfiable",
            Status::HeadTooLarge => "431 Request Header Fields Too Large",
            Status::Failed => "500 Internal Server Error",
            Status::UnknownMethod => "501 Not Implemented",
            Status::UnknownVersion => "505 HTTP Version Not Supported",
        }
    }
}

/// The head of an answer. There is no clock that knows the date, so there is no field for it (RFC 9110, section 6.6.1).
pub struct Head(String);

impl Head {
    /// Begins with a status.
    pub fn new(status: Status, keep: bool) -> Self {
        let connection = if keep { "keep-alive" } else { "close" };
        let mut text = String::with_capacity(HEAD_BYTES);
        for part in ["HTTP/1.1 ", status.line(), "\r\nServer: Warren\r\nConnection: ", connection] {
            text += part;
        }
        text += "\r\n";
        Head(text)
    }

    /// With another field.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.0 += part;
        }
        self
    }

    /// With the length of what follows.
    pub fn with_length(mut self, bytes: u64) -> Self {
        self.0 += "Content-Length: ";
        push_number(&mut self.0, bytes, 10);
        self.0 += "\r\n";
        self
    }

    /// All of it.
    pub fn end(mut self) -> String {
        self.0 += "\r\n";
        self.0
    }
}

/// Adds a number to a text, in a system of as many digits, sixteen at most. What formats everything would take ten times as long.
pub fn push_number(text: &mut String, number: u64, digits: u64) {
    let mut place = 1;
    while number / place >= digits {
        place *= digits;
    }
    while place > 0 {
        let digit = number / place % digits;
        text.push(char::from(b"0123456789abcdef"[digit as usize]));
        place /= digits;
    }
}

/// Whether one of the tags that a client has is this one (RFC 9110, section 13.1.2).
pub fn is_known(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|it| it == "*" || it.trim_start_matches("W/") == tag)
}

/// Whether this tag is one of those that a client expects (RFC 9110, section 13.1.1). Weak ones are none of them.
pub fn is_expected(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|it| it == "*" || it == tag)
}

/// What a file is, by the end of its name.
pub fn content_type(path: &str) -> &'static str {
    // The last dot, unless a `/` comes behind it.
    let at = path.bytes().rposition(|byte| matches!(byte, b'.' | b'/'));
    let end = at.and_then(|at| path[at..].strip_prefix('.')).unwrap_or_default();
    match end {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "ico" => "image/vnd.microsoft.icon",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "" | "txt" | "md" | "rs" | "toml" | "kdl" | "c" | "h" | "log" => {
            "text/plain; charset=utf-8"
        }
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::{self, Framing, Read};

    #[test]
    fn a_client_reads_what_a_server_writes() {
        for (status, number, words) in [
            (Status::Ok, 200, "OK"),
            (Status::NotFound, 404, "Not Found"),
            (Status::HeadTooLarge, 431, "Request Header Fields Too Large"),
        ] {
            let text = Head::new(status, true).with_length(7).end();
            let Read::Head(head, length) = response::read(text.as_bytes(), false) else {
                panic!("{text}")
            };
            assert_eq!((head.status, &*head.reason, length), (number, words, text.len()));
            assert_eq!(head.framing, Framing::Length(7));
        }
        let moved = Head::new(Status::Moved, false).with("Location", "/a/").end();
        let Read::Head(head, _) = response::read(moved.as_bytes(), true) else { panic!("{moved}") };
        assert_eq!(head.elsewhere(), Some("/a/"));
    }

    #[test]
    fn numbers_have_the_digits_that_they_should() {
        for number in [0, 7, 10, 255, 20_480, 0x1234_5678_9abc_def0, u64::MAX] {
            let mut text = String::new();
            push_number(&mut text, number, 10);
            text.push(' ');
            push_number(&mut text, number, 16);
            assert_eq!(text, std::format!("{number} {number:x}"));
        }
    }

    #[test]
    fn tags_are_compared_weakly() {
        assert!(is_known("\"a\", W/\"ff-10\"", "\"ff-10\"") && is_known("*", "\"x\""));
        assert!(!is_known("\"ff-1\"", "\"ff-10\""));
    }

    #[test]
    fn expected_tags_are_compared_strongly() {
        assert!(is_expected("\"a\", \"ff-10\"", "\"ff-10\"") && is_expected("*", "\"x\""));
        assert!(!is_expected("W/\"ff-10\", \"a\"", "\"ff-10\""));
    }

    #[test]
    fn what_a_file_is_stands_in_its_name() {
        assert_eq!(content_type("/a.b/README"), "text/plain; charset=utf-8");
        assert_eq!(content_type("/a/b.html"), "text/html; charset=utf-8");
        assert_eq!(content_type("/a/b.tar.xyz"), "application/octet-stream");
    }
}
