//! What goes through the network, and this host's side of it: a plain client.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

/// A document that the system `web` serves.
pub const DOCUMENT: &str = "/ARCHITECTURE.md";
/// The port of the echo.
const ECHO: u16 = 7;
/// Bytes that are written at a time: what a device takes at most.
const CHUNK: usize = 64 * 1024;
/// Bytes of a datagram.
const DATAGRAM: usize = 16;
/// How long one may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// How long it may take until somebody answers who is there.
const ANSWER: Duration = Duration::from_secs(5);

/// What goes through the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// The system's discard service receives bytes.
    Receive,
    /// Its character generator sends them.
    Send,
    /// Its HTTP server sends a document again and again, by one connection.
    Get,
    /// The same, but for each time.
    Request,
    /// A byte goes to the echo and comes back, by one connection.
    RoundTrip,
    /// A datagram does.
    Datagram,
    /// A connection to the echo is opened, carries a byte there and back, and is closed by this side.
    Connection,
}

impl Transfer {
    /// The system's port.
    pub fn port(self) -> u16 {
        match self {
            Transfer::Receive => 9,
            Transfer::Send => 19,
            Transfer::Get | Transfer::Request => 80,
            Transfer::RoundTrip | Transfer::Datagram | Transfer::Connection => ECHO,
        }
    }

    /// What is counted, and for how much of it.
    pub fn name(self) -> &'static str {
        match self {
            Transfer::Receive => "received, per KiB",
            Transfer::Send => "sent, per KiB",
            Transfer::Get => "documents by HTTP, per KiB",
            Transfer::Request => "requests of HTTP",
            Transfer::RoundTrip => "round trips by TCP",
            Transfer::Datagram => "round trips by UDP",
            Transfer::Connection => "connections",
        }
    }

    /// Who does what.
    pub fn method(self) -> String {
        match self {
            Transfer::Receive => "by discard, from a plain client".into(),
            Transfer::Send => "by the character generator, to a plain client".into(),
            Transfer::Get | Transfer::Request => {
                format!("GET {DOCUMENT} again and again, by one connection")
            }
            Transfer::RoundTrip => "a byte to the echo and back, again and again".into(),
            Transfer::Datagram => {
                format!("{DATAGRAM} bytes to the echo and back, again and again")
            }
            Transfer::Connection => {
                "opened, a byte to the echo and back, closed by the client, again and again".into()
            }
        }
    }

    /// What is counted for each of: bytes of a KiB, or 1.
    pub fn each(self) -> u64 {
        match self {
            Transfer::Receive | Transfer::Send | Transfer::Get => 1024,
            _ => 1,
        }
    }

    /// Lets an `amount` of bytes go through, or of what else is counted, or somewhat more; how much.
    pub fn run(self, port: SocketAddr, amount: u64) -> io::Result<u64> {
        match self {
            Transfer::Receive => give(connect(port)?, amount),
            Transfer::Send => take(connect(port)?, amount),
            Transfer::Get => get(connect(port)?, |bytes, _| bytes < amount).map(|(bytes, _)| bytes),
            Transfer::Request => {
                get(connect(port)?, |_, times| times < amount).map(|(_, times)| times)
            }
            Transfer::RoundTrip => {
                let stream = connect(port)?;
                (0..amount).try_for_each(|_| round_trip(&stream))?;
                Ok(amount)
            }
            Transfer::Datagram => datagrams(port, amount),
            Transfer::Connection => {
                (0..amount).try_for_each(|_| round_trip(&connect(port)?))?;
                Ok(amount)
            }
        }
    }

    /// The port at which a system shows that it is there.
    pub fn first_port(self) -> u16 {
        match self {
            Transfer::Get | Transfer::Request => self.port(),
            _ => ECHO,
        }
    }

    /// Whether somebody answers there.
    pub fn answers(self, port: SocketAddr) -> bool {
        let ask = || match self {
            Transfer::Get | Transfer::Request => Transfer::Request.run(port, 1).map(drop),
            _ => {
                let stream = connect(port)?;
                stream.set_read_timeout(Some(ANSWER))?;
                round_trip(&stream)
            }
        };
        ask().is_ok()
    }
}

/// Sends a byte to the echo, and waits until it is back.
fn round_trip(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(b"?")?;
    stream.read_exact(&mut [0])
}

fn datagrams(port: SocketAddr, times: u64) -> io::Result<u64> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(port)?;
    socket.set_read_timeout(Some(SILENCE))?;
    for _ in 0..times {
        socket.send(&[b'?'; DATAGRAM])?;
        socket.recv(&mut [0; DATAGRAM])?;
    }
    Ok(times)
}

/// Connects to a port, on which nobody may be silent for long.
pub fn connect(port: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&port, ANSWER)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends bytes, ends, and waits until the other side has ended, too, which means that it has read all of them.
fn give(mut stream: TcpStream, bytes: u64) -> io::Result<u64> {
    let chunk = [b'x'; CHUNK];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(CHUNK as u64);
        stream.write_all(&chunk[..part as usize])?;
        left -= part;
    }
    stream.shutdown(Shutdown::Write)?;
    match stream.read(&mut [0])? {
        0 => Ok(bytes),
        _ => Err(io::Error::other("the discard service has answered")),
    }
}

fn take(stream: TcpStream, bytes: u64) -> io::Result<u64> {
    match io::copy(&mut stream.take(bytes), &mut io::sink())? {
        count if count == bytes => Ok(bytes),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Asks for a document again and again, as long as `goes_on` says so of bytes and times; how many of both.
fn get(mut stream: TcpStream, goes_on: impl Fn(u64, u64) -> bool) -> io::Result<(u64, u64)> {
    let mut answers = BufReader::new(stream.try_clone()?);
    // In one piece, or it would leave in several segments.
    let request = format!("GET {DOCUMENT} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (mut bytes, mut times) = (0, 0);
    while goes_on(bytes, times) {
        stream.write_all(request.as_bytes())?;
        let length = head(&mut answers)?;
        if io::copy(&mut answers.by_ref().take(length), &mut io::sink())? != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (bytes, times) = (bytes + length, times + 1);
    }
    Ok((bytes, times))
}

/// Reads the head of an answer; how long what follows is.
fn head(answers: &mut impl BufRead) -> io::Result<u64> {
    let lines: Vec<String> = answers
        .lines()
        .take_while(|line| !line.as_ref().is_ok_and(String::is_empty))
        .collect::<Result<_, _>>()?;
    let is_good = lines.first().is_some_and(|line| line.starts_with("HTTP/1.1 200 "));
    let length = lines.iter().filter(|_| is_good).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.ok_or_else(|| io::Error::other(format!("the answer is {lines:?}")))
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn the_head_of_an_answer_says_how_long_the_document_is() {
        let mut answer = &b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 12\r\n\r\nhello"[..];
        assert_eq!(head(&mut answer).ok(), Some(12));
        assert_eq!(answer, b"hello");
    }

    #[test]
    fn an_answer_without_a_document_is_an_error() {
        assert!(head(&mut &b"HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\n\r\n"[..]).is_err());
        assert!(head(&mut &b"HTTP/1.1 200 OK\r\n\r\n"[..]).is_err());
        assert!(head(&mut &b""[..]).is_err());
    }
}
