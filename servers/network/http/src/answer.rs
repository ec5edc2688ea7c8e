//! What is answered beside documents: small pages.

use alloc::{format, string::String, vec::Vec};

use warren_idl::FileStatus;
use warren_web::{
    answer::{Head, Status, push_number},
    escapes::escaped as link,
};

/// Bytes of the longest tag: two numbers of 16 digits.
const TAG_BYTES: usize = 35;

/// A small page of text, head included, that says what became of a request.
pub fn page(status: Status, keep: bool, only_head: bool, field: Option<(&str, &str)>) -> String {
    let body = format!("{}\n", status.line());
    let mut head = Head::new(status, keep);
    if let Some((name, value)) = field {
        head = head.with(name, value);
    }
    let head = head.with("Content-Type", "text/plain; charset=utf-8");
    let mut all = head.with_length(body.len() as u64).end();
    if !only_head {
        all += &body;
    }
    all
}

/// The tag of a file: another one when its contents are others, as far as length and time tell.
pub fn tag(status: &FileStatus) -> String {
    let mut tag = String::with_capacity(TAG_BYTES);
    tag.push('"');
    push_number(&mut tag, status.modified, 16);
    tag.push('-');
    push_number(&mut tag, status.bytes, 16);
    tag.push('"');
    tag
}

/// What is in a folder.
pub struct Folder {
    /// In the order of the file system.
    pub entries: Vec<Entry>,
    /// Whether these are all.
    pub is_whole: bool,
}

/// Something in a folder.
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder itself.
    pub is_folder: bool,
    /// Its length, if it is none.
    pub bytes: u64,
}

/// A page that lists a folder.
pub fn listing(path: &str, folder: &Folder) -> String {
    let title = escaped(path);
    let mut page = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1>\n<table>\n"
    );
    if path != "/" {
        page += "<tr><td><a href=\"../\">../</a></td><td></td></tr>\n";
    }
    for Entry { name, is_folder, bytes } in &folder.entries {
        let slash = if *is_folder { "/" } else { "" };
        let size = if *is_folder { String::new() } else { format!("{bytes}") };
        let (link, shown) = (link(name), escaped(name));
        page += &format!(
            "<tr><td><a href=\"./{link}{slash}\">{shown}{slash}</a></td><td align=\"right\">{size}</td></tr>\n"
        );
    }
    page += "</table>\n";
    if !folder.is_whole {
        let count = folder.entries.len();
        page += &format!("<p>There are more than these {count}, which are not listed.</p>\n");
    }
    page + "</body></html>\n"
}

/// Text between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::vec;

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
        let file = Entry { name: "<a> & \"b\"%.txt".into(), is_folder: false, bytes: 7 };
        let folder = Entry { name: "sub".into(), is_folder: true, bytes: 0 };
        let page = listing("/x", &Folder { entries: vec![file, folder], is_whole: true });
        assert!(page.contains(
            "<a href=\"./%3Ca%3E%20%26%20%22b%22%25.txt\">&lt;a&gt; &amp; &quot;b&quot;%.txt</a>"
        ));
        assert!(page.contains("<a href=\"./sub/\">sub/</a>") && page.contains("href=\"../\""));
    }

    #[test]
    fn a_listing_says_that_it_is_cut() {
        let of = |is_whole| listing("/", &Folder { entries: vec![], is_whole });
        assert!(of(false).contains("more than these 0") && !of(true).contains("more than"));
    }

    #[test]
    fn another_file_has_another_tag() {
        let status = FileStatus { modified: 255, bytes: 16, ..FileStatus::default() };
        assert_eq!(tag(&status), "\"ff-10\"");
    }
}
