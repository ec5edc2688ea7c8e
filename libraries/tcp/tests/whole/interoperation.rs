//! With another TCP, `smoltcp`'s, in both directions.

use std::collections::VecDeque;

use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet},
    phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken},
    socket::tcp::{Socket, SocketBuffer, State as SmolState},
    time::Instant,
    wire::{HardwareAddress, IpAddress, IpCidr},
};
use warren_tcp::{Path, SECOND_NS, Settings};

use crate::{
    host::{Host, Speaker, Task, pattern},
    link::Link,
    world::World,
};

#[derive(Default)]
struct Queues {
    received: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Received(Vec<u8>);
struct Sending<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, use_it: F) -> R {
        use_it(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut packet = vec![0; length];
        let result = fill(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Queues {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let packet = self.received.pop_front()?;
        Some((Received(packet), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

/// A host with the other TCP, and one application: it sends `sends` bytes and ends, and reads to the end.
struct Other {
    interface: Interface,
    queues: Queues,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    sends: u64,
    written: u64,
    read: u64,
    wrong: u64,
    deadline_ns: Option<u64>,
}

const LAST: u8 = 9;

fn instant(now_ns: u64) -> Instant {
    Instant::from_micros((now_ns / 1000) as i64)
}

impl Other {
    fn new(sends: u64) -> Other {
        let mut queues = Queues::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = 5;
        let mut interface = Interface::new(config, &mut queues, instant(0));
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::v4(10, 0, 0, LAST), 24)).expect("there is room");
        });
        let buffer = || SocketBuffer::new(vec![0; 100_000]);
        let mut sockets = SocketSet::new(Vec::new());
        let socket = sockets.add(Socket::new(buffer(), buffer()));
        Other {
            interface,
            queues,
            sockets,
            socket,
            sends,
            written: 0,
            read: 0,
            wrong: 0,
            deadline_ns: None,
        }
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.socket)
    }

    fn connect(&mut self, port: u16) {
        let remote = (IpAddress::v4(10, 0, 0, 1), port);
        let Other { interface, sockets, socket, .. } = self;
        sockets
            .get_mut::<Socket<'_>>(*socket)
            .connect(interface.context(), remote, 4000)
            .expect("it is closed");
    }

    fn is_done(&self) -> bool {
        let state = self.sockets.get::<Socket<'_>>(self.socket).state();
        self.written == self.sends && matches!(state, SmolState::Closed | SmolState::TimeWait)
    }

    fn work(&mut self) {
        let (mut written, mut read, mut wrong, sends) =
            (self.written, self.read, self.wrong, self.sends);
        let socket = self.socket();
        while socket.can_recv() {
            let _ = socket.recv(|bytes| {
                wrong += bytes
                    .iter()
                    .zip(read..)
                    .filter(|(byte, position)| **byte != pattern(*position))
                    .count() as u64;
                read += bytes.len() as u64;
                (bytes.len(), ())
            });
        }
        while socket.can_send() && written < sends {
            let _ = socket.send(|bytes| {
                let count = bytes.len().min((sends - written) as usize);
                bytes[..count]
                    .iter_mut()
                    .zip(written..)
                    .for_each(|(byte, position)| *byte = pattern(position));
                written += count as u64;
                (count, ())
            });
        }
        if written == sends && socket.may_send() {
            socket.close();
        }
        (self.written, self.read, self.wrong) = (written, read, wrong);
    }
}

impl Speaker for Other {
    fn receive(&mut self, _: u64, packet: Vec<u8>) {
        self.queues.received.push_back(packet);
    }

    fn run(&mut self, now_ns: u64) -> Vec<Vec<u8>> {
        self.interface.poll(instant(now_ns), &mut self.queues, &mut self.sockets);
        self.work();
        self.interface.poll(instant(now_ns), &mut self.queues, &mut self.sockets);
        // Its clock has microseconds: a deadline is rounded up, or time would stand still.
        let delay = self.interface.poll_delay(instant(now_ns), &self.sockets);
        self.deadline_ns = delay.map(|delay| now_ns + (delay.total_micros() + 1) * 1000);
        core::mem::take(&mut self.queues.sent)
    }

    fn deadline_ns(&self) -> Option<u64> {
        self.deadline_ns
    }
}

/// Both sides send and read everything.
fn talk(link: Link, listens: bool, here: u64, there: u64) {
    let mut host = Host::new(1, Settings::default());
    host.path = Path { offload_bytes: 65_000, ..Path::ETHERNET };
    let mut other = Other::new(there);
    let address = "10.0.0.9".parse().expect("an address");
    if listens {
        host.listen(80, Task::sending(here));
        other.connect(80);
    } else {
        other.socket().listen(80).expect("it is closed");
        host.connect(1, address, 80, Task::sending(here));
    }
    let mut world = World::new(host, other, link, 17);
    let done = world.run(20_000 * SECOND_NS, |world| {
        let is_done = world.left.tasks.first().is_some_and(|(_, task)| task.at_end);
        is_done && world.right.is_done()
    });
    let task = &world.left.tasks[0].1;
    let other = &world.right;
    assert!(done, "{task:?}, the other side has read {} and written {}", other.read, other.written);
    assert_eq!((task.read, task.wrong), (there, 0));
    assert_eq!((other.read, other.wrong), (here, 0));
}

#[test]
fn smoltcp_connects_and_both_send() {
    talk(Link::good(), true, 500_000, 300_000);
}

#[test]
fn smoltcp_listens_and_both_send() {
    talk(Link::good(), false, 500_000, 300_000);
}

#[test]
fn smoltcp_gets_everything_over_a_bad_network() {
    let bad = Link {
        lost: 20_000,
        doubled: 20_000,
        jitter_ns: 2_000_000,
        damaged: 5_000,
        ..Link::good()
    };
    talk(bad.clone(), false, 200_000, 0);
    talk(bad.clone(), true, 0, 200_000);
    talk(bad, true, 100_000, 100_000);
}
