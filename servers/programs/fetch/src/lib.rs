//! `fetch`: a document of an HTTP server (RFC 9110, RFC 9112), by its address.
//!
//! # Shape
//!
//! `libraries/web` understands where a document is, and what is answered; it is pure and tested on the host. `line` is the connection,
//! `trouble` says what went wrong.
//!
//! # What it does not do
//!
//! It speaks no TLS, asks for one document on each connection, and keeps nothing: what comes is its output.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod line;
mod trouble;

use alloc::{format, string::String, vec, vec::Vec};

use warren::{Cx, Req, Required, server};
use warren_idl::{Clock, Program, Resolver, Tcp};
use warren_program::{
    Arguments, CHUNK_BYTES, Flow, Handed, Manual, Stop, UsageError, Work, program,
};
use warren_web::{
    response::{BadResponse, Body, Head, Read, read},
    url::Url,
};

use crate::{
    line::{Line, Patience, now_ns},
    trouble::Trouble,
};

const MS: u64 = 1_000_000;
/// How long to wait each time, and for all of it, if nothing is said; in milliseconds.
const PATIENCE_MS: u64 = 30_000;
const LIMIT_MS: u64 = 3_600_000;
/// How often a server may say that the document is elsewhere.
const REDIRECTS: usize = 10;

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    resolver: Req<dyn Resolver>,
    tcp: Req<dyn Tcp>,
    clock: Req<dyn Clock>,
}

/// Fetches documents over HTTP.
#[server(provides(Program), locals(Run), stack = 65536, summary = "fetch a document over HTTP")]
pub struct Fetch {}

program!(Fetch requires Needs, Run, Fetching);

struct Fetching {
    order: Order,
    /// The answer, once it has begun.
    answer: Option<Answer>,
}

/// What is to be fetched.
struct Order {
    url: Url,
    only_head: bool,
    /// How long to wait for the other side each time.
    each_ns: u64,
    /// How long all of it may take.
    limit_ns: u64,
}

impl Order {
    fn read(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "I", "Wt")?;
        let only_head = arguments.has('I');
        let time = |letter, default_ms| match arguments.number(letter)?.unwrap_or(default_ms) {
            ms if ms > LIMIT_MS => Err(UsageError(format!("-{letter}: more than {LIMIT_MS}"))),
            ms => Ok(ms * MS),
        };
        let (each_ns, limit_ns) = (time('W', PATIENCE_MS)?, time('t', LIMIT_MS)?);
        let [text] = arguments.exactly(["URL"])?;
        let url = Url::parse(&text)
            .map_err(|error| UsageError(format!("{text}: {}", error.message())))?;
        Ok(Order { url, only_head, each_ns, limit_ns })
    }
}

/// An answer under way.
struct Answer {
    line: Line,
    patience: Patience,
    body: Body,
    /// What came together with the head.
    came: Vec<u8>,
}

impl Work<Run> for Fetching {
    const MANUAL: Manual = Manual {
        usage: "[-I] [-W MILLISECONDS] [-t MILLISECONDS] URL",
        details: "\
-I  ask for the head only, and show it
-W  how long to wait for the other side each time: 30000 ms if nothing is said
-t  how long all of it may take: 3600000 ms if nothing is said
URL is such as http://10.0.2.2:8080/a/b?c. Redirections are followed, ten at most. The status is 1 if not all of it came, and 3 if the
server has answered that there is none.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Ok(Fetching { order: Order::read(arguments)?, answer: None })
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let flow = match &mut self.answer {
            Some(answer) => answer.go_on(cx, handed, output),
            None => self.begin(cx, handed, output),
        };
        match flow {
            Ok(flow) => Ok(flow),
            Err(Trouble::Stop) => Err(Stop),
            Err(trouble) => {
                handed.complain(cx, &format!("{}: {trouble}", self.order.url))?;
                Ok(Flow::End(trouble.status()))
            }
        }
    }
}

impl Fetching {
    /// Asks, also where the server says that the document is instead, until there is an answer.
    fn begin(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Trouble> {
        let end_ns = now_ns(cx)?.saturating_add(self.order.limit_ns);
        let patience = Patience { each_ns: self.order.each_ns, end_ns };
        let method = if self.order.only_head { "HEAD" } else { "GET" };
        for _ in 0..=REDIRECTS {
            let line = Line::open(cx, handed, &self.order.url, patience)?;
            line.ask(cx, handed, (method, &self.order.url), patience)?;
            let (head, mut came, bytes) = self.head(cx, handed, &line, patience)?;
            if let Some(location) = head.elsewhere() {
                self.order.url = self.order.url.join(location).map_err(Trouble::Redirect)?;
                continue;
            }
            if !head.is_success() {
                return Err(Trouble::Refused(head.status, head.reason));
            }
            let rest = came.split_off(bytes);
            if self.order.only_head {
                output.extend(came);
                return Ok(Flow::End(0));
            }
            let body = Body::new(head.framing);
            self.answer = Some(Answer { line, patience, body, came: rest });
            return Ok(Flow::More);
        }
        Err(Trouble::TooManyRedirects)
    }

    /// The head of the answer, what came up to here, and how many bytes of that are the head. It has to be whole in the time that a single piece
    /// may take, however it comes. Heads that only say that there will be another one are left out.
    fn head(
        &self,
        cx: &mut Cx<'_, Run>,
        handed: &Handed,
        line: &Line,
        patience: Patience,
    ) -> Result<(Head, Vec<u8>, usize), Trouble> {
        let until_ns = patience.until_ns(cx)?;
        let (mut came, mut chunk) = (Vec::new(), vec![0; CHUNK_BYTES]);
        loop {
            match read(&came, self.order.only_head) {
                Read::Head(head, bytes) if head.is_informational() => drop(came.drain(..bytes)),
                Read::Head(head, bytes) => return Ok((head, came, bytes)),
                Read::Bad(error) => return Err(error.into()),
                Read::Partial => match line.receive(cx, handed, until_ns, &mut chunk)? {
                    0 => return Err(BadResponse::Truncated.into()),
                    count => came.extend(&chunk[..count]),
                },
            }
        }
    }
}

impl Answer {
    /// The next piece of the body.
    fn go_on(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Trouble> {
        let came = core::mem::take(&mut self.came);
        self.body.take(&came, output)?;
        if self.body.is_whole() {
            return Ok(Flow::End(0));
        }
        if came.is_empty() {
            let (until_ns, mut chunk) = (self.patience.until_ns(cx)?, vec![0; CHUNK_BYTES]);
            let count = self.line.receive(cx, handed, until_ns, &mut chunk)?;
            if count == 0 {
                return Ok(self.body.end().map(|()| Flow::End(0))?);
            }
            chunk.truncate(count);
            self.came = chunk;
        }
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_checked() {
        let order = |words: &[&str]| Order::read(words.iter().map(|word| (*word).into()).collect());
        let usual = order(&["-I", "-W", "250", "http://a:81/x"]).ok().unwrap();
        assert!(usual.only_head && usual.url.port == 81);
        assert_eq!((usual.each_ns, usual.limit_ns), (250 * MS, LIMIT_MS * MS));
        for words in [
            &[][..],
            &["-x", "http://a/"],
            &["http://a/", "http://b/"],
            &["https://a/"],
            &["-t", "3600001", "http://a/"],
        ] {
            assert!(order(words).is_err(), "{words:?}");
        }
    }
}
