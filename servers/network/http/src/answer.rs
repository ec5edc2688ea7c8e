//! What is answered: status lines, fields, and small pages.

use alloc::{format, string::String};
use core::fmt::Write as _;

use warren_idl::FileStatus;

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
    /// Only GET and HEAD are served.
    MethodNotAllowed,
    /// The file has no such part.
    NoSuchPart,
    /// The head is too long.
    HeadTooLarge,
    /// The file cannot be read.
    Failed,
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
            Status::NoSuchPart => "416 Range Not Satisfiable",
            Status::HeadTooLarge => "431 Request Header Fields Too Large",
            Status::Failed => "500 Internal Server Error",
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
    pub fn with(mut self, name: &str, value: impl core::fmt::Display) -> Self {
        self.0 += name;
        // Writing into a String does not fail.
        let _ = write!(self.0, ": {value}\r\n");
        self
    }

    /// All of it.
    pub fn end(mut self) -> String {
        self.0 += "\r\n";
        self.0
    }
}

/// A small page of text, head included, that says what became of a request.
pub fn page(status: Status, keep: bool, only_head: bool, field: Option<(&str, &str)>) -> String {
    let body = format!("{}\n", status.line());
    let mut head = Head::new(status, keep);
    if let Some((name, value)) = field {
        head = head.with(name, value);
    }
    let head = head.with("Content-Type", "text/plain; charset=utf-8");
    let mut all = head.with("Content-Length", body.len()).end();
    if !only_head {
        all += &body;
    }
    all
}

/// The tag of a file: another one when its contents are others, as far as length and time tell.
pub fn tag(status: &FileStatus) -> String {
    format!("\"{:x}-{:x}\"", status.modified, status.bytes)
}

/// Whether one of the tags that a client has is this one (RFC 9110, section 13.1.2).
pub fn is_known(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|it| it == "*" || it.trim_start_matches("W/") == tag)
}

/// What a file is, by the end of its name.
pub fn content_type(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
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

/// A page that lists a folder.
pub fn listing(path: &str, entries: &[(String, bool, u64)]) -> String {
    let title = escaped(path);
    let mut page = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1>\n<table>\n"
    );
    if path != "/" {
        page += "<tr><td><a href=\"../\">../</a></td><td></td></tr>\n";
    }
    for (name, is_folder, bytes) in entries {
        let slash = if *is_folder { "/" } else { "" };
        let size = if *is_folder { String::new() } else { format!("{bytes}") };
        let (link, shown) = (link(name), escaped(name));
        page += &format!(
            "<tr><td><a href=\"./{link}{slash}\">{shown}{slash}</a></td><td align=\"right\">{size}</td></tr>\n"
        );
    }
    page + "</table>\n</body></html>\n"
}

/// A name as a part of a link.
pub fn link(name: &str) -> String {
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

/// Text between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_whole_answer() {
        let text = page(Status::NotFound, true, false, None);
        assert_eq!(
            text,
            "HTTP/1.1 404 Not Found\r\nServer: Warren\r\nConnection: keep-alive\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: 14\r\n\r\n404 Not Found\n"
        );
        assert!(page(Status::NotFound, true, true, None).ends_with("Content-Length: 14\r\n\r\n"));
    }

    #[test]
    fn names_do_no_harm_in_a_listing() {
        let entries = [("<a> & \"b\"%.txt".into(), false, 7), ("sub".into(), true, 0)];
        let page = listing("/x", &entries);
        assert!(page.contains(
            "<a href=\"./%3Ca%3E%20%26%20%22b%22%25.txt\">&lt;a&gt; &amp; &quot;b&quot;%.txt</a>"
        ));
        assert!(page.contains("<a href=\"./sub/\">sub/</a>") && page.contains("href=\"../\""));
    }

    #[test]
    fn tags_are_compared_weakly() {
        let status = FileStatus { modified: 255, bytes: 16, ..FileStatus::default() };
        assert_eq!(tag(&status), "\"ff-10\"");
        assert!(is_known("\"a\", W/\"ff-10\"", &tag(&status)) && is_known("*", "\"x\""));
        assert!(!is_known("\"ff-1\"", &tag(&status)));
    }

    #[test]
    fn what_a_file_is_stands_in_its_name() {
        assert_eq!(content_type("/a.b/README"), "text/plain; charset=utf-8");
        assert_eq!(content_type("/a/b.html"), "text/html; charset=utf-8");
        assert_eq!(content_type("/a/b.tar.xyz"), "application/octet-stream");
    }
}
