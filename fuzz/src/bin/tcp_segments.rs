//! Segments for a TCP with a listener: nothing panics, and each buffer comes back once.
//!
//! The input is a series of records: a wait in milliseconds, the length of a payload, and a header; or, with the first byte's highest bit,
//! something that a user does, and a number. Positions in headers count from where the connection stands, or no input would ever hit a window.
#![no_main]

extern crate alloc;

use alloc::collections::BTreeSet;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use warren_tcp::{Engine, Name, Outgoing, Output, Path, Piece, Segment, Settings};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const USER: u8 = 0x80;
const MILLISECOND_NS: u64 = 1_000_000;

/// What came out of the engine, and the buffers that it has.
#[derive(Default)]
struct Outside {
    held: BTreeSet<u32>,
    made: u32,
    last: Segment,
}

impl Outside {
    fn piece(&mut self, length: u8) -> Piece<u32> {
        self.made += 1;
        self.held.insert(self.made);
        Piece { buffer: self.made, offset: 0, length: u32::from(length) * 16 }
    }
}

impl Output<u32> for Outside {
    fn send(&mut self, segment: Outgoing<'_, u32>) {
        for piece in segment.pieces() {
            assert!(self.held.contains(&piece.buffer) && piece.length > 0);
        }
        self.last = segment.header;
    }

    fn release(&mut self, buffer: u32) {
        assert!(self.held.remove(&buffer), "a buffer came back twice");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let settings = Settings { connections: 4, receive_bytes: 20_000, ..Settings::default() };
    let mut engine = Engine::new(settings, [7; 16]);
    let (mut outside, mut names, mut now_ns) = (Outside::default(), Vec::new(), 1);
    engine.listen((80, None), 2).expect("nobody listens");
    let mut rest = bytes;
    while let [first, number, after @ ..] = rest {
        rest = after;
        if first & USER != 0 {
            act(&mut engine, now_ns, &mut names, first & !USER, *number, &mut outside);
        } else {
            let Ok((segment, length)) = Segment::decode(rest) else { break };
            rest = &rest[length..];
            now_ns += u64::from(*first).pow(2) * MILLISECOND_NS;
            engine.expire(now_ns, &mut outside);
            let segment = in_place(segment, &outside.last);
            let piece = outside.piece(*number);
            engine.receive(
                now_ns,
                (HERE, THERE),
                &Path::ETHERNET,
                &segment,
                &[piece],
                &mut outside,
            );
        }
        engine.transmit(now_ns, &mut outside);
    }
    for name in names {
        let _ = engine.abort(now_ns, name, &mut outside);
    }
    engine.unlisten(now_ns, (80, None), &mut outside);
    engine.expire(u64::MAX / 2, &mut outside);
    // What is half open holds nothing.
    assert!(outside.held.is_empty(), "{:?} did not come back", outside.held);
});

/// The segment with the ports and positions of who it answers.
fn in_place(segment: Segment, last: &Segment) -> Segment {
    let sequence = last.acknowledgment.unwrap_or_default() + segment.sequence.0;
    let position = last.sequence + last.length(0);
    let (source_port, destination_port) = match last.destination_port {
        0 => (5000, 80),
        _ => (last.destination_port, last.source_port),
    };
    Segment {
        source_port,
        destination_port,
        sequence,
        acknowledgment: segment.acknowledgment.map(|offset| position + offset.0),
        ..segment
    }
}

fn act(
    engine: &mut Engine<u32>,
    now_ns: u64,
    names: &mut Vec<Name>,
    what: u8,
    number: u8,
    outside: &mut Outside,
) {
    let connects = (SocketAddr::new(HERE, 0), SocketAddr::new(THERE, 5000));
    match what {
        0 => names.extend(engine.accept((80, None)).map(|(name, _)| name)),
        5 => {
            // The answer is for this one.
            outside.last = Segment::default();
            names.extend(engine.connect(now_ns, connects.0, connects.1, Path::ETHERNET, outside));
        }
        _ => (),
    }
    let Some(name) = names.last().copied() else { return };
    match what {
        1 => {
            let piece = outside.piece(number);
            if engine.write(name, piece, outside).is_err() {
                outside.release(piece.buffer);
            }
        }
        2 => drop(engine.consume(name, u32::from(number) * 16, outside)),
        3 => drop(engine.finish(name, outside)),
        4 => drop(engine.leave(now_ns, name, outside)),
        6 => drop(engine.set_no_delay(name, number > 1, outside)),
        7 => drop(engine.set_keep_alive(name, number > 1, outside)),
        8 => {
            if let Ok(Some(piece)) = engine.take(name, outside) {
                outside.release(piece.buffer);
            }
        }
        _ => (),
    }
}
