//! One conversation: requests, one after the other, and their answers.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use warren::{Cx, Kept, Ref, SystemError};
use warren_idl::{Connection, File, FileError, FileStatus, Readiness, TcpError};
use warren_serving::{Conversation, Next, Step, Turn, by_steps};
use warren_web::{
    answer::{Head, Status, content_type, is_expected, is_known},
    escapes::escaped,
    request::{HEAD_BYTES, Read, Request, read},
};

use crate::{
    Serving,
    answer::{Entry, Folder, listing, page, tag},
};

/// Most bytes that are read and written at a time.
const CHUNK: usize = 32 * 1024;
const _: () = assert!(HEAD_BYTES <= CHUNK);
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
/// How long it may send on, after it was refused. Until it has ended what it sends is taken and forgotten: a connection that ends with something
/// unread is reset, and with that the client would lose the answer (RFC 9112, section 9.6).
const LEAVING_NS: u64 = 2 * SECOND_NS;

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
    /// It was refused; once the answer is written, until when it may send on.
    is_refused: bool,
    gone_until_ns: Option<u64>,
}

/// What is left to be sent of a file.
struct Part {
    file: Opened,
    /// The path by which the file was found on the shelf, as long as nothing was read of it.
    found: Option<String>,
    at: u64,
    left: u64,
}

impl Part {
    /// Reads the next bytes; how many.
    fn read(&mut self, cx: &mut Cx<'_, Serving>, bytes: &mut [u8]) -> Result<usize, FileError> {
        let most = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let bytes = &mut bytes[..most];
        let found = self.found.take();
        let count = match (self.file.contents().read(cx, self.at, bytes), found) {
            // It died with its server, of which another one has said since what the path names.
            (Err(FileError::System(SystemError::Lost)), Some(path)) => {
                cx.scope(|cx| self.open_again(cx, path))?;
                self.file.contents().read(cx, self.at, bytes)?
            }
            (count, _) => count?,
        };
        if count == 0 {
            // It has become shorter than the head says.
            return Err(FileError::End);
        }
        (self.at, self.left) = (self.at + count, self.left - count);
        cx.parent().counts.bytes += count;
        Ok(count as usize)
    }

    /// Opens the file by its path, if that names the same one.
    fn open_again(&mut self, cx: &mut Cx<'_, Serving>, path: String) -> Result<(), FileError> {
        drop(cx.shelf.take(&path));
        let again = Opened::open(cx, &path)?;
        if again.status != self.file.status {
            return Err(FileError::NotFound);
        }
        self.file = again;
        Ok(())
    }
}

/// An open file, and what it was when it was opened.
#[derive(Clone)]
pub struct Opened {
    file: Rc<Kept<dyn File>>,
    status: FileStatus,
}

impl Opened {
    /// Opens a file.
    fn open(cx: &mut Cx<'_, Serving>, path: &str) -> Result<Self, FileError> {
        let file = cx.req().files.open(cx, path)?;
        let status = file.status(cx)?;
        Ok(Opened { file: Rc::new(file.keep()?), status })
    }

    /// Opens a file, which stays open for a while if its path names after that what it named before.
    fn on_shelf(
        cx: &mut Cx<'_, Serving>,
        path: String,
        before: FileStatus,
        now_ns: u64,
    ) -> Result<Self, FileError> {
        let opened = Opened::open(cx, &path)?;
        if cx.req().files.status(cx, &path)? == before {
            drop(cx.shelf.put(path, before, opened.clone(), now_ns));
        }
        Ok(opened)
    }

    fn contents(&self) -> Ref<'_, dyn File> {
        Kept::as_ref(&self.file)
    }

    /// Gives the file up, which is closed at once if nobody else has it.
    fn close(self, cx: &mut Cx<'_, Serving>) {
        if Rc::strong_count(&self.file) == 1 {
            cx.scope(|_| drop(self));
        }
    }
}

/// Writes as much as a connection has room for; how much.
fn write(
    cx: &mut Cx<'_, Serving>,
    connection: Ref<'_, dyn Connection>,
    bytes: &[u8],
) -> Result<usize, Broken> {
    match connection.write_now(cx, bytes) {
        Err(TcpError::WouldWait | TcpError::Exhausted) => Ok(0),
        written => Ok(written? as usize),
    }
}

/// Why a conversation breaks off: there is no way to say it, because the head of the answer has left.
struct Broken;

impl From<TcpError> for Broken {
    fn from(_: TcpError) -> Self {
        Broken
    }
}

impl From<FileError> for Broken {
    fn from(_: FileError) -> Self {
        Broken
    }
}

impl From<SystemError> for Broken {
    fn from(_: SystemError) -> Self {
        Broken
    }
}

impl Talk {
    fn step(&mut self, cx: &mut Cx<'_, Serving>, turn: &mut Turn<'_, '_>) -> Step<Broken> {
        match self {
            Talk { file: Some(_), .. } => self.send(cx, turn),
            Talk { output, .. } if !output.is_empty() => self.send(cx, turn),
            Talk { is_refused: true, .. } => self.see_off(cx, turn),
            Talk { is_last: true, .. } => Ok(Some(Next::End)),
            _ => self.listen(cx, turn),
        }
    }

    /// Sends more of an answer. The head of a document leaves with the first part of it: a small document takes one packet, and one acknowledgment.
    fn send(&mut self, cx: &mut Cx<'_, Serving>, turn: &mut Turn<'_, '_>) -> Step<Broken> {
        let waiting = &self.output[self.sent..];
        let taken = match &mut self.file {
            Some(part) if waiting.len() <= CHUNK / 2 => {
                let (first, rest) = turn.chunk.split_at_mut(waiting.len());
                first.copy_from_slice(waiting);
                let count = part.read(cx, rest)?;
                let bytes = &turn.chunk[..waiting.len() + count];
                let taken = write(cx, turn.connection, bytes)?;
                self.output.clear();
                self.output.extend(&bytes[taken..]);
                self.sent = 0;
                if let Some(part) = self.file.take_if(|part| part.left == 0) {
                    part.file.close(cx);
                }
                taken
            }
            _ => {
                let taken = write(cx, turn.connection, waiting)?;
                self.sent += taken;
                if self.sent == self.output.len() {
                    self.output.clear();
                    self.sent = 0;
                }
                taken
            }
        };
        match taken {
            0 => Ok(Some(turn.wait(Readiness::WRITABLE, TAKING_NS))),
            // Whoever asks waits for the answer mostly, before he asks for more.
            _ if self.is_idle() => Ok(Some(turn.wait(Readiness::READABLE, IDLE_NS))),
            _ => Ok(None),
        }
    }

    /// Whether all that came is answered, and more may come.
    fn is_idle(&self) -> bool {
        let is_sent = self.output.is_empty() && self.file.is_none();
        is_sent && self.input.is_empty() && !self.is_last
    }

    /// Reads, and begins an answer when a request is whole.
    fn listen(&mut self, cx: &mut Cx<'_, Serving>, turn: &mut Turn<'_, '_>) -> Step<Broken> {
        if !self.input.is_empty() {
            match read(&self.input) {
                Read::Partial => (),
                Read::Request(request, length) => {
                    self.input.drain(..length);
                    self.head_until_ns = None;
                    self.is_last = !request.keep;
                    self.answer(cx, &request, turn.now_ns)?;
                    return Ok(None);
                }
                Read::Refused(status) => {
                    self.input.clear();
                    (self.is_last, self.is_refused) = (true, true);
                    self.refuse(cx, status, false, None);
                    return Ok(None);
                }
            }
        }
        let most = HEAD_BYTES.saturating_sub(self.input.len()).min(turn.chunk.len());
        match turn.connection.read_now(cx, &mut turn.chunk[..most]) {
            Err(TcpError::WouldWait) if self.input.is_empty() => {
                Ok(Some(turn.wait(Readiness::READABLE, IDLE_NS)))
            }
            Err(TcpError::WouldWait) => {
                let until_ns = *self.head_until_ns.get_or_insert(turn.now_ns + HEAD_NS);
                Ok(Some(Next::Wait { interest: Readiness::READABLE, until_ns }))
            }
            count => match count? as usize {
                0 => Ok(Some(Next::End)),
                count => {
                    self.input.extend(&turn.chunk[..count]);
                    Ok(None)
                }
            },
        }
    }

    /// Waits until a client that was refused has ended, too.
    fn see_off(&mut self, cx: &mut Cx<'_, Serving>, turn: &mut Turn<'_, '_>) -> Step<Broken> {
        let until_ns = match self.gone_until_ns {
            Some(until_ns) => until_ns,
            None => {
                turn.connection.finish(cx)?;
                *self.gone_until_ns.insert(turn.now_ns + LEAVING_NS)
            }
        };
        match turn.connection.read_now(cx, turn.chunk) {
            _ if turn.now_ns >= until_ns => Ok(Some(Next::Abort)),
            Err(TcpError::WouldWait) => {
                Ok(Some(Next::Wait { interest: Readiness::READABLE, until_ns }))
            }
            count => match count? {
                0 => Ok(Some(Next::End)),
                _ => Ok(None),
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
    fn answer(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        request: &Request,
        now_ns: u64,
    ) -> Result<(), Broken> {
        let status = match self.find(cx, request, now_ns) {
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
    fn find(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        request: &Request,
        now_ns: u64,
    ) -> Result<(), FileError> {
        let mut path = cx.parent().root.clone();
        path += &request.path;
        if !request.is_folder {
            let status = cx.req().files.status(cx, &path)?;
            if status.kind == FileStatus::DIRECTORY {
                let target = format!("{}/{}", escaped(&request.path), request.query);
                let field = Some(("Location", &*target));
                let page = page(Status::Moved, !self.is_last, request.only_head, field);
                self.output = page.into();
                return Ok(());
            }
            return self.send_file(cx, request, path, status, now_ns);
        }
        let index = format!("{path}/index.html");
        match cx.req().files.status(cx, &index) {
            Ok(status) if status.kind != FileStatus::DIRECTORY => {
                self.send_file(cx, request, index, status, now_ns)
            }
            Ok(_) | Err(FileError::NotFound) => {
                let folder = cx.scope(|cx| list(cx, &path))?;
                let body = listing(&request.path, &folder);
                let head = Head::new(Status::Ok, !self.is_last)
                    .with("Content-Type", "text/html; charset=utf-8")
                    .with_length(body.len() as u64);
                self.output = head.end().into();
                if !request.only_head {
                    self.output.extend(body.bytes());
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Begins to send a file that a path names. What it is now was asked for this request.
    fn send_file(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        request: &Request,
        path: String,
        status: FileStatus,
        now_ns: u64,
    ) -> Result<(), FileError> {
        let (keep, kind) = (!self.is_last, content_type(&path));
        if let Some(tags) = &request.expected_tags
            && !is_expected(tags, &tag(&status))
        {
            self.refuse(cx, Status::NotAsExpected, request.only_head, None);
            return Ok(());
        }
        if let Some(tags) = &request.known_tags {
            let tag = tag(&status);
            if is_known(tags, &tag) {
                self.output = Head::new(Status::NotModified, keep).with("ETag", &tag).end().into();
                return Ok(());
            }
        }
        let known = cx.shelf.find(&path, &status, now_ns);
        let (file, found) = match known {
            Some(file) => (file, Some(path)),
            None => (cx.scope(|cx| Opened::on_shelf(cx, path, status, now_ns))?, None),
        };
        // If it has changed since, it is what it is now.
        let status = file.status;
        let tag = tag(&status);
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
            .with("Content-Type", kind)
            .with_length(left)
            .with("Accept-Ranges", "bytes")
            .with("ETag", &tag);
        if code == Status::Part {
            let last = at + left - 1;
            let part = format!("bytes {at}-{last}/{}", status.bytes);
            head = head.with("Content-Range", &part);
        }
        self.output = head.end().into();
        if !request.only_head && left > 0 {
            self.file = Some(Part { file, found, at, left });
        }
        Ok(())
    }
}

/// What is in a folder, as far as it is listed.
fn list(cx: &mut Cx<'_, Serving>, path: &str) -> Result<Folder, FileError> {
    let directory = cx.req().files.directory(cx, path)?;
    let mut entries = Vec::new();
    for index in 0..=MOST_ENTRIES {
        let mut name = [0; NAME_BYTES];
        let entry = match directory.entry(cx, index, &mut name) {
            Err(FileError::End) => break,
            Ok(_) if index == MOST_ENTRIES => return Ok(Folder { entries, is_whole: false }),
            entry => entry?,
        };
        let name = name.get(..entry.name_bytes as usize).and_then(|name| str::from_utf8(name).ok());
        // What has no name of text has no link.
        if let Some(name) = name {
            let is_folder = entry.kind == FileStatus::DIRECTORY;
            entries.push(Entry { name: name.into(), is_folder, bytes: entry.bytes });
        }
    }
    Ok(Folder { entries, is_whole: true })
}

impl Conversation<Serving> for Talk {
    fn tidy(cx: &mut Cx<'_, Serving>, now_ns: u64) -> Option<u64> {
        if cx.shelf.next_ns().is_some_and(|next_ns| next_ns <= now_ns) {
            cx.scope(|cx| while cx.shelf.overdue(now_ns).is_some() {});
        }
        cx.shelf.next_ns()
    }

    fn go_on(
        &mut self,
        cx: &mut Cx<'_, Serving>,
        connection: Ref<'_, dyn Connection>,
        now_ns: u64,
    ) -> Next {
        // Nobody else uses it: one thread has all conversations.
        let mut chunk = core::mem::take(&mut cx.chunk);
        chunk.resize(CHUNK, 0);
        let mut turn = Turn { connection, now_ns, chunk: &mut chunk };
        let next = by_steps(TURN, || self.step(cx, &mut turn));
        // What stays ready is reported again, after the others.
        let both = Readiness::READABLE | Readiness::WRITABLE;
        let next = next.unwrap_or_else(|| turn.wait(both, TAKING_NS));
        cx.chunk = chunk;
        next
    }
}
