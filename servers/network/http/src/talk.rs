//! One conversation: requests, one after the other, and their answers.

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, Kept, Ref, SystemError};
use warren_idl::{Connection, File, FileError, FileStatus, Readiness, TcpError};
use warren_serving::{Conversation, Next};

use crate::{
    Serving,
    answer::{Head, Status, content_type, is_known, link, listing, page, tag},
    request::{HEAD_BYTES, Read, Request, read},
};

/// Bytes of a file that are read at a time.
const CHUNK: usize = 32 * 1024;
/// Steps before others get their turn.
const TURN: usize = 16;
/// Most entries of a folder that are listed.
const MOST_ENTRIES: u64 = 10_000;
/// Longest name of an entry.
const NAME_BYTES: usize = 256;

const SECOND_NS: u64 = 1_000_000_000;
/// How long a client may take from the first byte of a head to its last one, however it sends them.
const HEAD_NS: u64 = 10 * SECOND_NS;
/// How long it may say nothing between two requests.
const IDLE_NS: u64 = 30 * SECOND_NS;
/// How long it may take nothing of an answer.
const TAKING_NS: u64 = 30 * SECOND_NS;

/// A conversation.
#[derive(Default)]
pub struct Talk {
    /// What came and was not understood yet.
    input: Vec<u8>,
    /// Until when a head that has begun is to be whole.
    head_until_ns: Option<u64>,
    /// What is to be sent before more of the file is read, and how much of it was.
    output: Vec<u8>,
    sent: usize,
    file: Option<Part>,
    /// Whether nothing more is served after this answer.
    is_last: bool,
}

/// What is left to be sent of a file.
struct Part {
    file: Kept<dyn File>,
    at: u64,
    left: u64,
}

/// How it goes on after one step.
enum Step {
    More,
    Wait(u32, u64),
    End(Next),
}

/// Why a conversation breaks off: there is no way to say it, because the head of the answer has left.
struct Broken;

impl From<TcpError> for Broken {
    fn from(_: TcpError) -> Self {
        Broken
    }
}

impl From<SystemError> for Broken {
    fn from(_: SystemError) -> Self {
        Broken
    }
}

impl Talk {
    fn step(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        connection: Ref<'_, dyn Connection>,
        now_ns: u64,
        chunk: &mut [u8],
    ) -> Result<Step, Broken> {
        if !self.output.is_empty() {
            return match connection.write_now(cx, &self.output[self.sent..]) {
                Err(TcpError::WouldWait | TcpError::Exhausted) => {
                    Ok(Step::Wait(Readiness::WRITABLE, now_ns + TAKING_NS))
                }
                written => {
                    self.sent += written? as usize;
                    if self.sent == self.output.len() {
                        self.output.clear();
                        self.sent = 0;
                    }
                    Ok(Step::More)
                }
            };
        }
        if let Some(part) = &mut self.file {
            let most = CHUNK.min(usize::try_from(part.left).unwrap_or(usize::MAX));
            self.output.resize(most, 0);
            let file = part.file.get(cx)?;
            let count = file.read(cx, part.at, &mut self.output).map_err(|_| Broken)? as usize;
            self.output.truncate(count);
            if count == 0 {
                // It has become shorter than the head says.
                return Err(Broken);
            }
            (part.at, part.left) = (part.at + count as u64, part.left - count as u64);
            cx.parent().counts.bytes += count as u64;
            self.file.take_if(|part| part.left == 0);
            return Ok(Step::More);
        }
        if self.is_last {
            return Ok(Step::End(Next::End));
        }
        self.listen(cx, connection, now_ns, chunk)
    }

    /// Reads, and begins an answer when a request is whole.
    fn listen(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        connection: Ref<'_, dyn Connection>,
        now_ns: u64,
        chunk: &mut [u8],
    ) -> Result<Step, Broken> {
        if !self.input.is_empty() {
            match read(&self.input) {
                Read::Partial => (),
                Read::Request(request, length) => {
                    self.input.drain(..length);
                    self.head_until_ns = None;
                    self.is_last = !request.keep;
                    cx.scope(|cx| self.answer(cx, &request))?;
                    return Ok(Step::More);
                }
                Read::Refused(status) => {
                    self.input.clear();
                    self.is_last = true;
                    self.refuse(cx, status, false, None);
                    return Ok(Step::More);
                }
            }
        }
        let most = HEAD_BYTES.saturating_sub(self.input.len()).min(chunk.len());
        match connection.read_now(cx, &mut chunk[..most]) {
            Err(TcpError::WouldWait) if self.input.is_empty() => {
                Ok(Step::Wait(Readiness::READABLE, now_ns + IDLE_NS))
            }
            Err(TcpError::WouldWait) => {
                let until_ns = *self.head_until_ns.get_or_insert(now_ns + HEAD_NS);
                Ok(Step::Wait(Readiness::READABLE, until_ns))
            }
            count => match count? as usize {
                0 => Ok(Step::End(Next::End)),
                count => {
                    self.input.extend(&chunk[..count]);
                    Ok(Step::More)
                }
            },
        }
    }

    fn refuse(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        status: Status,
        only_head: bool,
        field: Option<(&str, &str)>,
    ) {
        let counts = &mut cx.parent().counts;
        counts.requests += 1;
        counts.errors += 1;
        let field =
            field.or((status == Status::MethodNotAllowed).then_some(("Allow", "GET, HEAD")));
        self.output = page(status, !self.is_last, only_head, field).into();
    }

    /// Begins the answer to a request.
    fn answer(&mut self, cx: &mut Cx<'_, Serving>, request: &Request) -> Result<(), Broken> {
        let status = match self.find(cx, request) {
            Ok(()) => {
                cx.parent().counts.requests += 1;
                return Ok(());
            }
            Err(FileError::NotFound | FileError::NotADirectory | FileError::BadName) => {
                Status::NotFound
            }
            Err(FileError::System(error @ (SystemError::Killed | SystemError::Deadline))) => {
                return Err(error.into());
            }
            Err(_) => Status::Failed,
        };
        self.refuse(cx, status, request.only_head, None);
        Ok(())
    }

    /// Finds what a request is about, and begins to send it.
    fn find(&mut self, cx: &mut Cx<'_, Serving>, request: &Request) -> Result<(), FileError> {
        let (files, root) = (&cx.req().files, cx.parent().root.clone());
        let path = format!("{root}{}", request.path);
        let status = files.status(cx, &path)?;
        if status.kind != FileStatus::DIRECTORY {
            // A file is no folder.
            return match request.is_folder {
                true => Err(FileError::NotADirectory),
                false => self.send_file(cx, request, &path),
            };
        }
        if !request.is_folder {
            let target = format!("{}/", link(&request.path));
            self.output =
                page(Status::Moved, !self.is_last, request.only_head, Some(("Location", &target)))
                    .into();
            return Ok(());
        }
        let index = format!("{path}/index.html");
        match self.send_file(cx, request, &index) {
            Err(FileError::NotFound | FileError::IsADirectory) => {
                let body = listing(&request.path, &entries(cx, &path)?);
                let head = Head::new(Status::Ok, !self.is_last)
                    .with("Content-Type", "text/html; charset=utf-8")
                    .with("Content-Length", body.len());
                self.output = head.end().into();
                if !request.only_head {
                    self.output.extend(body.bytes());
                }
                Ok(())
            }
            sent => sent,
        }
    }

    fn send_file(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        request: &Request,
        path: &str,
    ) -> Result<(), FileError> {
        let file = cx.req().files.open(cx, path)?;
        let status = file.status(cx)?;
        let tag = tag(&status);
        let keep = !self.is_last;
        if request.known_tags.as_ref().is_some_and(|tags| is_known(tags, &tag)) {
            self.output = Head::new(Status::NotModified, keep).with("ETag", &tag).end().into();
            return Ok(());
        }
        let is_same = request.range_if.as_ref().is_none_or(|other| *other == tag);
        let range = request.range.filter(|_| is_same && !request.only_head);
        let (at, left, code) = match range.map(|range| range.of(status.bytes)) {
            None => (0, status.bytes, Status::Ok),
            Some(Some((at, count))) => (at, count, Status::Part),
            Some(None) => {
                let all = format!("bytes */{}", status.bytes);
                self.refuse(cx, Status::NoSuchPart, false, Some(("Content-Range", &all)));
                return Ok(());
            }
        };
        let mut head = Head::new(code, keep)
            .with("Content-Type", content_type(path))
            .with("Content-Length", left)
            .with("Accept-Ranges", "bytes")
            .with("ETag", &tag);
        if code == Status::Part {
            let last = at + left - 1;
            head = head.with("Content-Range", format!("bytes {at}-{last}/{}", status.bytes));
        }
        self.output = head.end().into();
        if !request.only_head && left > 0 {
            self.file = Some(Part { file: file.keep()?, at, left });
        }
        Ok(())
    }
}

/// Name, whether it is a folder, and length of each entry of a folder.
fn entries(cx: &mut Cx<'_, Serving>, path: &str) -> Result<Vec<(String, bool, u64)>, FileError> {
    let directory = cx.req().files.directory(cx, path)?;
    let mut all = Vec::new();
    for index in 0..MOST_ENTRIES {
        let mut name = [0; NAME_BYTES];
        let entry = match directory.entry(cx, index, &mut name) {
            Err(FileError::End) => break,
            entry => entry?,
        };
        let name = name.get(..entry.name_bytes as usize).and_then(|name| str::from_utf8(name).ok());
        // What has no name of text has no link.
        if let Some(name) = name {
            all.push((name.into(), entry.kind == FileStatus::DIRECTORY, entry.bytes));
        }
    }
    Ok(all)
}

impl Conversation<Serving> for Talk {
    fn go_on(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        connection: Ref<'_, dyn Connection>,
        now_ns: u64,
    ) -> Next {
        // Nobody else uses it: one thread has all conversations.
        let mut chunk = core::mem::take(&mut cx.chunk);
        chunk.resize(HEAD_BYTES, 0);
        let mut steps = (0..TURN).map(|_| self.step(cx, connection, now_ns, &mut chunk));
        let last = steps.find(|step| !matches!(step, Ok(Step::More)));
        drop(steps);
        cx.chunk = chunk;
        match last {
            Some(Ok(Step::Wait(interest, until_ns))) => return Next::Wait { interest, until_ns },
            Some(Ok(Step::End(next))) => return next,
            Some(Err(Broken)) => return Next::Abort,
            Some(Ok(Step::More)) | None => (),
        }
        // What stays ready is reported again, after the others.
        Next::Wait {
            interest: Readiness::READABLE | Readiness::WRITABLE,
            until_ns: now_ns + TAKING_NS,
        }
    }
}
