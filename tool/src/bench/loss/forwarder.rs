//! What stands between a machine and this host's TAP device, and lets frames go wrong on their way.
//!
//! # Shape
//!
//! A thread for each direction reads frames, asks its [`OneWay`] what becomes of each, and writes it to the other side. A side that does not take frames as fast
//! as they come is waited for, so that nothing is lost here but by chance.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    device,
    wire::{Chances, OneWay},
};
use crate::{
    failure::{Outcome, While},
    run::{machine::Outlet, temporary::Temporary},
};

/// Bytes that are read at a time: more than those of the longest frame.
const CHUNK: usize = 64 * 1024;
/// Bytes in front of a frame in QEMU's socket, which say how long it is.
const HEAD: usize = 4;
/// After so long without a frame a thread looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// The threads, and the two directions: to the machine, and from it.
pub struct Forwarder {
    ways: [Arc<Mutex<OneWay>>; 2],
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    socket: PathBuf,
    _folder: Temporary,
}

impl Forwarder {
    /// Stands between the device and one machine with its [`outlet`](Self::outlet). Nothing goes wrong yet.
    pub fn start(name: &str) -> Outcome<Self> {
        let folder = Temporary::create()?;
        let socket = folder.file("network");
        let device = device::open(name).when(|| format!("cannot open the TAP device `{name}`"))?;
        let listener =
            UnixListener::bind(&socket).when(|| "cannot make a socket for QEMU".to_owned())?;
        let ways = [(); 2].map(|()| Arc::new(Mutex::new(OneWay::good())));
        let ended = Arc::new(AtomicBool::new(false));
        let (device, machine) = (Arc::new(device), Arc::new(OnceLock::new()));
        let inward = {
            let (way, ended) = (Arc::clone(&ways[0]), Arc::clone(&ended));
            let (device, machine) = (Arc::clone(&device), Arc::clone(&machine));
            move || forward(&way, &ended, &*device, |frame| give(machine.get(), frame))
        };
        let outward = {
            let (way, ended) = (Arc::clone(&ways[1]), Arc::clone(&ended));
            move || {
                let Some(stream) = accept(&listener, &ended) else { return };
                let stream = machine.get_or_init(|| stream);
                let source = Framed { stream, bytes: Vec::new() };
                // The device takes whatever is a frame.
                forward(&way, &ended, source, |frame| drop((&*device).write(frame)));
            }
        };
        let threads = vec![thread::spawn(inward), thread::spawn(outward)];
        Ok(Forwarder { ways, ended, threads, socket, _folder: folder })
    }

    /// What the machine is to be connected to.
    pub fn outlet(&self) -> Outlet {
        Outlet::Socket(self.socket.clone())
    }

    /// From now on so much goes wrong in both directions, each by numbers of its own.
    pub fn become_bad(&self, chances: Chances, seed: u64) {
        for (way, number) in self.ways.iter().zip(0..) {
            locked(way).become_bad(chances, 2 * seed + number);
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            // A panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Where frames come from.
trait Source: AsFd {
    /// Reads once what has come, and hands whole frames over.
    fn read(&mut self, hand_over: impl FnMut(&[u8])) -> io::Result<()>;
}

impl Source for &File {
    fn read(&mut self, mut hand_over: impl FnMut(&[u8])) -> io::Result<()> {
        let mut room = [0; CHUNK];
        let count = Read::read(self, &mut room)?;
        hand_over(&room[..count]);
        Ok(())
    }
}

/// Frames of QEMU's, each behind its length.
struct Framed<'a> {
    stream: &'a UnixStream,
    /// The beginning of a frame.
    bytes: Vec<u8>,
}

impl AsFd for Framed<'_> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Source for Framed<'_> {
    fn read(&mut self, hand_over: impl FnMut(&[u8])) -> io::Result<()> {
        let mut room = [0; CHUNK];
        match self.stream.read(&mut room)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.bytes.extend(&room[..count]);
                let used = whole_frames(&self.bytes, hand_over);
                self.bytes.drain(..used);
                Ok(())
            }
        }
    }
}

/// Hands whole frames over; how many bytes they and their heads are.
fn whole_frames(bytes: &[u8], mut hand_over: impl FnMut(&[u8])) -> usize {
    let mut rest = bytes;
    while let Some((head, behind)) = rest.split_first_chunk::<HEAD>()
        && let Some((frame, behind)) = behind.split_at_checked(u32::from_be_bytes(*head) as usize)
    {
        hand_over(frame);
        rest = behind;
    }
    bytes.len() - rest.len()
}

/// Gives QEMU a frame. Nobody is there before QEMU is, and none when it has ended.
fn give(machine: Option<&UnixStream>, frame: &[u8]) {
    let head = (frame.len() as u32).to_be_bytes();
    let _ = machine.map(|mut stream| stream.write_all(&[&head, frame].concat()));
}

fn accept(listener: &UnixListener, ended: &AtomicBool) -> Option<UnixStream> {
    while !ended.load(Relaxed) {
        if has_something(listener, LOOK).is_ok_and(|has| has) {
            return listener.accept().map(|(stream, _)| stream).ok();
        }
    }
    None
}

/// Lets frames go one way, until it is to end or the other side is gone.
fn forward(way: &Mutex<OneWay>, ended: &AtomicBool, mut source: impl Source, send: impl Fn(&[u8])) {
    while !ended.load(Relaxed) {
        while let Some(frame) = due(way) {
            send(&frame);
        }
        match has_something(&source, wait(way)) {
            Ok(true) => (),
            Ok(false) | Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        let read = source.read(|frame| {
            let copies = locked(way).carry(Instant::now(), frame);
            (0..copies).for_each(|_| send(frame));
        });
        if read.is_err() {
            return;
        }
    }
}

fn due(way: &Mutex<OneWay>) -> Option<Vec<u8>> {
    locked(way).due(Instant::now())
}

/// For how long nothing is to be done but to wait for a frame.
fn wait(way: &Mutex<OneWay>) -> Duration {
    let due = locked(way).next_due();
    due.map_or(LOOK, |due| due.saturating_duration_since(Instant::now()).min(LOOK))
}

fn has_something(from: &impl AsFd, wait: Duration) -> Result<bool, Errno> {
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    poll(&mut [PollFd::new(from, PollFlags::IN)], Some(&wait)).map(|count| count > 0)
}

/// What a thread that panicked has left is as good as before: each change is whole.
fn locked(way: &Mutex<OneWay>) -> MutexGuard<'_, OneWay> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out at the other end when QEMU sends these frames.
    fn forwarded(chances: Chances, frames: &[&str], count: usize) -> Vec<String> {
        let (sender, from) = UnixStream::pair().expect("sockets can be made");
        let (frames_out, came) = std::sync::mpsc::channel();
        let way = Mutex::new(OneWay::good());
        locked(&way).become_bad(chances, 1);
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let source = Framed { stream: &from, bytes: Vec::new() };
                forward(&way, &ended, source, |frame| {
                    let _ = frames_out.send(String::from_utf8_lossy(frame).into_owned());
                });
            });
            frames.iter().for_each(|frame| give(Some(&sender), frame.as_bytes()));
            let came = came.iter().take(count).collect();
            ended.store(true, Relaxed);
            came
        })
    }

    #[test]
    fn frames_come_as_often_as_their_fate_says() {
        let doubled = Chances { doubled: 1_000_000, ..Chances::default() };
        assert_eq!(forwarded(doubled, &["a", "bc"], 4), ["a", "a", "bc", "bc"]);
    }

    #[test]
    fn a_late_frame_comes_although_no_other_follows() {
        let late = Chances { late: 1_000_000, ..Chances::default() };
        assert_eq!(forwarded(late, &["late"], 1), ["late"]);
    }

    #[test]
    fn frames_are_told_from_each_other_and_the_beginning_of_one_waits_for_its_rest() {
        let mut frames = Vec::new();
        let bytes = b"\0\0\0\x01a\0\0\0\x02bc\0\0\0\x05d";
        let used = whole_frames(bytes, |frame| frames.push(frame.to_vec()));
        assert_eq!((frames, used), (vec![b"a".to_vec(), b"bc".to_vec()], 11));
        assert_eq!(whole_frames(b"\0\0", |_| panic!("there is none")), 0);
    }
}
