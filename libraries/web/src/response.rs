//! What a server answers: how long the body is, and what of it is content.

use alloc::{string::String, vec::Vec};

use crate::fields::{number, values};

/// Most bytes of a head, and of what follows the last chunk.
pub const HEAD_BYTES: usize = 16 * 1024;
/// Most fields of a head.
const FIELDS: usize = 100;
/// Most bytes of the line before a chunk.
const LINE_BYTES: usize = 1024;

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadResponse {
    /// It is no HTTP/1.
    Malformed,
    /// Its head is too long.
    HeadTooLarge,
    /// It does not say, or says twice, how long its body is.
    BadLength,
    /// Its body is coded in a way that nobody asked for.
    UnknownCoding,
    /// Something is wrong in its chunks.
    BadChunk,
    /// It ended in the middle.
    Truncated,
}

impl BadResponse {
    /// The error as a message.
    pub fn message(self) -> &'static str {
        match self {
            BadResponse::Malformed => "what answers there does not speak HTTP/1",
            BadResponse::HeadTooLarge => "the answer's head is too long",
            BadResponse::BadLength => "the answer contradicts itself about its length",
            BadResponse::UnknownCoding => "the answer is coded in a way that nobody asked for",
            BadResponse::BadChunk => "the answer's chunks are damaged",
            BadResponse::Truncated => "the answer ended in the middle",
        }
    }
}

/// The head of an answer, as far as whoever fetches documents cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of its status.
    pub status: u16,
    /// What the server calls that.
    pub reason: String,
    /// Where the document is instead.
    pub location: Option<String>,
    /// How long the body is.
    pub framing: Framing,
}

impl Head {
    /// Whether another head follows (RFC 9110, section 15.2).
    pub fn is_informational(&self) -> bool {
        matches!(self.status, 100..=199)
    }

    /// Whether the document comes.
    pub fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Where the document is instead (section 15.4).
    pub fn elsewhere(&self) -> Option<&str> {
        self.location.as_deref().filter(|_| matches!(self.status, 301 | 302 | 303 | 307 | 308))
    }
}

/// How long a body is (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks, the last of which is empty.
    Chunked,
    /// Until the connection ends.
    UntilEnd,
}

/// What became of reading a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// There is more to come.
    Partial,
    /// A head, and how many bytes it takes.
    Head(Head, usize),
    /// There is none.
    Bad(BadResponse),
}

/// Reads the head at the beginning of what came, in answer to GET, or to HEAD, to which no body comes.
pub fn read(bytes: &[u8], only_head: bool) -> Read {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= HEAD_BYTES => {
            match understand(&head, only_head) {
                Ok(head) => Read::Head(head, length),
                Err(error) => Read::Bad(error),
            }
        }
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES => Read::Partial,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Read::Bad(BadResponse::HeadTooLarge),
        Err(_) => Read::Bad(BadResponse::Malformed),
    }
}

fn understand(head: &httparse::Response<'_, '_>, only_head: bool) -> Result<Head, BadResponse> {
    let status = head.code.ok_or(BadResponse::Malformed)?;
    let has_no_body = only_head || matches!(status, 100..=199 | 204 | 304);
    let framing = if has_no_body { Framing::Length(0) } else { framing(head)? };
    let location = values(head.headers, "location").next();
    Ok(Head {
        status,
        reason: head.reason.unwrap_or_default().into(),
        location: location.and_then(|value| str::from_utf8(value).ok()).map(String::from),
        framing,
    })
}

fn framing(head: &httparse::Response<'_, '_>) -> Result<Framing, BadResponse> {
    let mut codings = values(head.headers, "transfer-encoding");
    if let Some(coding) = codings.next() {
        // The version before has none, so that it would mean something to one of both sides only.
        if head.version != Some(1) {
            return Err(BadResponse::BadLength);
        }
        let is_chunked = coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
        return if is_chunked { Ok(Framing::Chunked) } else { Err(BadResponse::UnknownCoding) };
    }
    if values(head.headers, "content-encoding")
        .any(|coding| !coding.eq_ignore_ascii_case(b"identity"))
    {
        return Err(BadResponse::UnknownCoding);
    }
    let lengths =
        values(head.headers, "content-length").flat_map(|value| value.split(|byte| *byte == b','));
    let mut known = None;
    for text in lengths {
        let length = number(text.trim_ascii()).ok_or(BadResponse::BadLength)?;
        if known.is_some_and(|known| known != length) {
            return Err(BadResponse::BadLength);
        }
        known = Some(length);
    }
    Ok(known.map_or(Framing::UntilEnd, Framing::Length))
}

/// A body that comes in pieces.
#[derive(Clone, Debug)]
pub struct Body {
    next: Next,
    /// What came of the line that is next, if that is one.
    line: Vec<u8>,
}

/// What comes next of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// So many bytes of content, which are all.
    Last(u64),
    /// Content until the connection ends.
    Content,
    /// The line before a chunk.
    ChunkSize,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The end of the line behind a chunk.
    ChunkEnd,
    /// A line behind the last chunk, of which so many bytes came before.
    Trailer(usize),
}

impl Body {
    /// A body of which nothing came yet.
    pub fn new(framing: Framing) -> Self {
        let next = match framing {
            Framing::Length(bytes) => Next::Last(bytes),
            Framing::Chunked => Next::ChunkSize,
            Framing::UntilEnd => Next::Content,
        };
        Body { next, line: Vec::new() }
    }

    /// Whether all of it came. What comes behind is nothing that was asked for.
    pub fn is_whole(&self) -> bool {
        self.next == Next::Last(0)
    }

    /// Takes what came, and adds what of it is content to `output`.
    pub fn take(&mut self, mut input: &[u8], output: &mut Vec<u8>) -> Result<(), BadResponse> {
        while !input.is_empty() && !self.is_whole() {
            input = match self.next {
                Next::Content => {
                    output.extend(input);
                    &[]
                }
                Next::Last(left) | Next::Chunk(left) => {
                    let count = left.min(input.len() as u64);
                    let (content, rest) = input.split_at(count as usize);
                    output.extend(content);
                    self.next = match self.next {
                        Next::Last(_) => Next::Last(left - count),
                        _ if left == count => Next::ChunkEnd,
                        _ => Next::Chunk(left - count),
                    };
                    rest
                }
                Next::ChunkSize | Next::ChunkEnd | Next::Trailer(_) => self.take_line(input)?,
            };
        }
        Ok(())
    }

    /// Takes what belongs to a line; returns the rest.
    fn take_line<'a>(&mut self, input: &'a [u8]) -> Result<&'a [u8], BadResponse> {
        let end = input.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let (more, rest) = input.split_at(end.unwrap_or(input.len()));
        self.line.extend(more);
        let most = match self.next {
            Next::Trailer(before) => HEAD_BYTES - before,
            _ => LINE_BYTES,
        };
        if self.line.len() > most {
            return Err(BadResponse::BadChunk);
        }
        if end.is_some() {
            let line = core::mem::take(&mut self.line);
            self.next = self.after(&line)?;
        }
        Ok(rest)
    }

    /// What comes after a line.
    fn after(&self, line: &[u8]) -> Result<Next, BadResponse> {
        Ok(match self.next {
            Next::ChunkSize => match chunk_size(line)? {
                0 => Next::Trailer(0),
                bytes => Next::Chunk(bytes),
            },
            Next::Trailer(before) if line != b"\r\n" => Next::Trailer(before + line.len()),
            Next::Trailer(_) => Next::Last(0),
            _ if line == b"\r\n" => Next::ChunkSize,
            _ => return Err(BadResponse::BadChunk),
        })
    }

    /// What it means that the connection has ended in order.
    pub fn end(&self) -> Result<(), BadResponse> {
        match self.next {
            Next::Last(0) | Next::Content => Ok(()),
            _ => Err(BadResponse::Truncated),
        }
    }
}

/// The number in the line before a chunk.
fn chunk_size(line: &[u8]) -> Result<u64, BadResponse> {
    if !line.first().is_some_and(u8::is_ascii_hexdigit) {
        return Err(BadResponse::BadChunk);
    }
    match httparse::parse_chunk_size(line) {
        Ok(httparse::Status::Complete((length, size))) if length == line.len() => Ok(size),
        _ => Err(BadResponse::BadChunk),
    }
}

#[cfg(test)]
mod tests;
