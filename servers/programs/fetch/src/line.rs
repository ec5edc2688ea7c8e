//! A connection to a server, at which nobody waits for longer than they are patient, and ^C is noticed.

use warren::{Cx, Kept, Ref, ServiceError};
use warren_idl::{ADDRESSES, Address, Connection, Poll, Readiness, TcpError};
use warren_program::Handed;
use warren_waiting::until;
use warren_web::{request, url::Url};

use crate::{Run, trouble::Trouble};

/// How often to ask whether the run is to go on.
const LOOK_NS: u64 = 250_000_000;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the other side, each time.
    pub each_ns: u64,
    /// For all of it: until the clock shows this.
    pub end_ns: u64,
}

impl Patience {
    /// What the clock shows when whoever begins to wait now gives up.
    pub fn until_ns(self, cx: &Cx<'_, Run>) -> Result<u64, Trouble> {
        Ok(now_ns(cx)?.saturating_add(self.each_ns).min(self.end_ns))
    }
}

/// What the clock shows.
pub fn now_ns(cx: &Cx<'_, Run>) -> Result<u64, Trouble> {
    Ok(cx.req().clock.now_ns()?)
}

/// A connection, and the place to wait for it.
pub struct Line {
    connection: Kept<dyn Connection>,
    poll: Kept<dyn Poll>,
}

impl Line {
    /// Connects to the first of a host's addresses that answers. Those that are left have equal parts of the time that is left.
    pub fn open(
        cx: &mut Cx<'_, Run>,
        handed: &Handed,
        url: &Url,
        patience: Patience,
    ) -> Result<Self, Trouble> {
        let mut bytes = [0; size_of::<Address>() * ADDRESSES];
        let count =
            within(cx, patience, |cx| cx.req().resolver.resolve(cx, &url.host, &mut bytes))?;
        let addresses = bytes.as_chunks().0.iter().take(count as usize);
        let (until_ns, left) = (patience.until_ns(cx)?, (1..=addresses.len() as u64).rev());
        let mut last = Trouble::Tcp(TcpError::Unreachable);
        for (address, left) in addresses.map(|bytes| Address { bytes: *bytes }).zip(left) {
            handed.go_on(cx)?;
            let each_ns = until_ns.saturating_sub(now_ns(cx)?) / left;
            match Line::connect(cx, address, url.port, Patience { each_ns, ..patience }) {
                Err(Trouble::Stop) => return Err(Trouble::Stop),
                Err(trouble) => last = trouble,
                line => return line,
            }
        }
        Err(last)
    }

    fn connect(
        cx: &mut Cx<'_, Run>,
        address: Address,
        port: u16,
        patience: Patience,
    ) -> Result<Self, Trouble> {
        within(cx, patience, |cx| {
            let tcp = &cx.req().tcp;
            let connection = tcp.connect(cx, &address, port)?.keep()?;
            Ok::<_, TcpError>(Line { connection, poll: tcp.poll(cx)?.keep()? })
        })
    }

    /// Asks for a document, and waits from then on for what is answered.
    pub fn ask(
        &self,
        cx: &mut Cx<'_, Run>,
        handed: &Handed,
        (method, url): (&str, &Url),
        patience: Patience,
    ) -> Result<(), Trouble> {
        let request = request::text(method, url);
        let mut rest = request.as_bytes();
        self.report(cx, Readiness::WRITABLE)?;
        while !rest.is_empty() {
            let until_ns = patience.until_ns(cx)?;
            let count =
                self.when(cx, handed, until_ns, |cx, connection| connection.write_now(cx, rest))?;
            rest = rest.get(count as usize..).unwrap_or_default();
        }
        self.report(cx, Readiness::READABLE)
    }

    /// Lets the connection say when it is ready for this.
    fn report(&self, cx: &mut Cx<'_, Run>, interest: u32) -> Result<(), Trouble> {
        Ok(self.connection.as_ref().report(cx, self.poll.as_ref(), 0, interest)?)
    }

    /// Waits until there are bytes, or the clock shows `until_ns`; returns how many came, 0 at the end of them.
    pub fn receive(
        &self,
        cx: &mut Cx<'_, Run>,
        handed: &Handed,
        until_ns: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Trouble> {
        let count =
            self.when(cx, handed, until_ns, |cx, connection| connection.read_now(cx, buffer))?;
        Ok(buffer.len().min(count as usize))
    }

    /// Waits until the connection is ready for what it is asked for, and does at once what can be done then. What takes or gives bytes has no
    /// deadline itself: it would not be known how many of them were lost by it.
    fn when(
        &self,
        cx: &mut Cx<'_, Run>,
        handed: &Handed,
        until_ns: u64,
        mut work: impl FnMut(&mut Cx<'_, Run>, Ref<'_, dyn Connection>) -> Result<u64, TcpError>,
    ) -> Result<u64, Trouble> {
        loop {
            handed.go_on(cx)?;
            let now_ns = now_ns(cx)?;
            if now_ns >= until_ns {
                return Err(Trouble::TimedOut);
            }
            let look_ns = until_ns.min(now_ns + LOOK_NS);
            let done = cx.scope(|cx| {
                let (connection, poll) = (self.connection.as_ref(), self.poll.as_ref());
                let mut ready = [0; size_of::<Readiness>()];
                match poll.wait(cx, look_ns, &mut ready)? {
                    0 => Err(TcpError::WouldWait),
                    _ => work(cx, connection),
                }
            });
            match done {
                Err(TcpError::WouldWait) => (),
                done => return Ok(done?),
            }
        }
    }
}

/// Does something that waits in one go.
fn within<R, E>(
    cx: &mut Cx<'_, Run>,
    patience: Patience,
    work: impl FnOnce(&mut Cx<'_, Run>) -> Result<R, E>,
) -> Result<R, Trouble>
where
    E: ServiceError,
    Trouble: From<E>,
{
    let until_ns = patience.until_ns(cx)?;
    until(cx, &cx.req().clock, until_ns, work)?.ok_or(Trouble::TimedOut)
}
