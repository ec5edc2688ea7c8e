//! A station beside a system: this host, as a client of the services that `systems/services.kdl` has.

use std::{
    fmt::Display,
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{namespace, run::Run};

/// How long the system may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one may say nothing.
const SILENCE: Duration = Duration::from_secs(90);

/// A port of this host that nobody has.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a port");
    listener.local_addr().expect("it has one").port()
}

/// A port of this host, which may be QEMU's and lead to one of the system's.
pub fn here(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A system of which this host reaches these ports; and where it does.
pub fn reachable<const N: usize>(system: &str, ports: [u16; N]) -> (Run, [SocketAddr; N]) {
    if namespace::is_inside() {
        return (namespace::system(system, ""), ports.map(namespace::port));
    }
    let ports = ports.map(|port| (free_port(), port));
    let forwards = ports.map(|(host, system)| format!("--forward={host}:{system}"));
    (Run::new(system, &[""; 0]).with(forwards), ports.map(|(host, _)| here(host)))
}

/// Connects to a port. QEMU accepts even if the system does not: then the connection ends without a byte.
pub fn connect(port: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(port)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    Ok(stream)
}

/// Waits until there is what a system begins with, or comes back to; fails with `missing` and the last reason if it takes too long.
#[track_caller]
pub fn wait_for<E: Display>(missing: &str, mut look: impl FnMut() -> Result<(), E>) {
    let end = Instant::now() + PATIENCE;
    while let Err(error) = look() {
        assert!(Instant::now() < end, "{missing}: {error}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until the system echoes a byte at the port that leads to its echo.
#[track_caller]
pub fn wait_for_echo(port: SocketAddr) {
    let one = || -> io::Result<()> {
        let mut stream = connect(port)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"?")?;
        stream.read_exact(&mut [0])
    };
    wait_for("nobody echoes", one);
}

/// A byte of a stream of which no two parts are alike.
fn pattern(seed: u64, at: u64) -> u8 {
    (at.wrapping_add(seed << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8
}

/// Bytes of a stream.
pub fn bytes(seed: u64, count: usize) -> Vec<u8> {
    (0..count as u64).map(|at| pattern(seed, at)).collect()
}

/// Sends bytes, ends, and reads until the other side ends: what came.
pub fn exchange(mut stream: TcpStream, sent: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = stream.try_clone()?;
    thread::scope(|scope| {
        let sending = scope.spawn(move || -> io::Result<()> {
            writer.write_all(sent)?;
            writer.shutdown(Shutdown::Write)
        });
        let mut came = Vec::new();
        let read = stream.read_to_end(&mut came);
        let sent = sending.join().expect("it does not panic");
        read.and(sent).map(|()| came)
    })
}

/// Sends bytes to an echo, and fails unless they come back as they were.
#[track_caller]
pub fn check_echo(port: SocketAddr, seed: u64, count: usize) {
    let sent = bytes(seed, count);
    let came = connect(port).and_then(|stream| exchange(stream, &sent));
    let came = came.unwrap_or_else(|error| panic!("after {count} bytes were sent: {error}"));
    assert_eq!(came.len(), sent.len(), "bytes");
    assert!(came == sent, "the bytes are not those that were sent");
}

/// Bytes that [`echo_on`] sends before it waits for them.
const PIECE: usize = 64 << 10;

/// Lets pieces come back by one connection, and counts them, as long as `goes_on` says so.
///
/// # Panics
///
/// What comes back is something else.
pub fn echo_on(port: SocketAddr, pieces: &AtomicUsize, goes_on: &AtomicBool) -> io::Result<()> {
    let mut stream = connect(port)?;
    let mut back = vec![0; PIECE];
    while goes_on.load(Ordering::Relaxed) {
        let text = bytes(pieces.load(Ordering::Relaxed) as u64, PIECE);
        stream.write_all(&text)?;
        stream.read_exact(&mut back)?;
        assert!(back == text, "what came back is something else");
        pieces.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
