//! `netstat`: connections and listeners of TCP, and sockets of UDP, which are in `datagrams`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod datagrams;

use alloc::{format, string::String, vec::Vec};
use core::net::SocketAddr;

use serde::Serialize;
use warren::{Cx, Req, Required, server};
use warren_idl::{Address, ConnectionStatus, ListenerStatus, Program, Shown, Tcp, TcpCounts, Udp};
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError, json, listed,
    program, table::Table,
};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    tcp: Req<dyn Tcp>,
    udp: Req<dyn Udp>,
}

/// Shows connections and listeners of TCP, or sockets of UDP.
#[server(provides(Program), locals(Run), summary = "show connections of TCP, and sockets of UDP")]
pub struct Netstat {}

program!(Netstat requires Needs, Run, Reporting<Showing>);

struct Showing {
    json: bool,
    counts: bool,
    datagrams: bool,
}

impl Report<Run> for Showing {
    const MANUAL: Manual = Manual {
        usage: "[-jsu]",
        details: "\
-u  show sockets of UDP, instead of connections and listeners of TCP
-s  show what TCP, or UDP, has done in all
-j  show all of it as JSON, one object in a line
PRINCIPAL is the number of whoever pays, as `accounts -j` shows it.\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "jsu", "")?;
        let (json, counts) = (arguments.has('j'), arguments.has('s'));
        let datagrams = arguments.has('u');
        arguments.none()?;
        Ok(Showing { json, counts, datagrams })
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        if self.datagrams {
            return datagrams::text(cx, self.json, self.counts);
        }
        let tcp = &cx.req().tcp;
        if self.counts {
            let counts = tcp.counts(cx).about("tcp")?;
            return Ok(if self.json { json::shown(&[counts]) } else { counts_text(&counts) });
        }
        let listeners = listed::all(|index| tcp.listener(cx, index)).about("tcp")?;
        let connections = listed::all(|index| tcp.connection(cx, index)).about("tcp")?;
        Ok(match self.json {
            true => json(&listeners, &connections),
            false => tables(&listeners, &connections),
        })
    }
}

/// The name of a listener's state.
const LISTEN: &str = "LISTEN";

/// The name of a state (RFC 9293, section 3.3.2).
fn state(number: u32) -> &'static str {
    match number {
        ConnectionStatus::SYN_SENT => "SYN-SENT",
        ConnectionStatus::SYN_RECEIVED => "SYN-RECEIVED",
        ConnectionStatus::ESTABLISHED => "ESTABLISHED",
        ConnectionStatus::FIN_WAIT_1 => "FIN-WAIT-1",
        ConnectionStatus::FIN_WAIT_2 => "FIN-WAIT-2",
        ConnectionStatus::CLOSE_WAIT => "CLOSE-WAIT",
        ConnectionStatus::CLOSING => "CLOSING",
        ConnectionStatus::LAST_ACK => "LAST-ACK",
        ConnectionStatus::TIME_WAIT => "TIME-WAIT",
        _ => "CLOSED",
    }
}

/// A port of a station, as addresses of the web have it.
fn port_of(address: &Address, port: u16) -> String {
    format!("{}", SocketAddr::new(address.ip(), port))
}

fn tables(listeners: &[ListenerStatus], connections: &[ConnectionStatus]) -> String {
    let mut table = Table::new([
        "LOCAL",
        "REMOTE",
        "STATE",
        "RECEIVED",
        "UNREAD",
        "SENT",
        "UNSENT",
        "AGAIN",
        "RTT",
        "PRINCIPAL",
    ]);
    for it in listeners {
        let row = [
            format!("*:{}", it.port),
            "*".into(),
            LISTEN.into(),
            "-".into(),
            format!("{}", it.waiting),
            "-".into(),
            "-".into(),
            "-".into(),
            "-".into(),
            format!("{}", it.principal),
        ];
        table.row(row);
    }
    for it in connections {
        table.row([
            port_of(&it.local, it.local_port),
            port_of(&it.remote, it.remote_port),
            state(it.state).into(),
            format!("{}", it.received_bytes),
            format!("{}", it.unread_bytes),
            format!("{}", it.sent_bytes),
            format!("{}", it.unsent_bytes),
            format!("{}", it.resent_bytes),
            format!("{} us", it.round_trip_ns / 1000),
            format!("{}", it.principal),
        ]);
    }
    table.text()
}

/// A listener or a connection for a tool.
#[derive(Serialize)]
struct Object<'a, T: Shown> {
    state: &'a str,
    #[serde(flatten, serialize_with = "json::fields")]
    status: &'a T,
}

fn json(listeners: &[ListenerStatus], connections: &[ConnectionStatus]) -> String {
    let listeners = listeners.iter().map(|status| json::line(&Object { state: LISTEN, status }));
    let connections = connections.iter().map(|status| {
        let state = state(status.state);
        json::line(&Object { state, status })
    });
    listeners.chain(connections).collect()
}

fn counts_text(counts: &TcpCounts) -> String {
    let TcpCounts { received, bad, unknown, dropped, sent, unsent, resets, connections } = counts;
    format!(
        "received {received} segments, {bad} bad, {unknown} for ports that nobody has, {dropped} dropped\n\
         sent {sent} segments, {unsent} lost here, {resets} resets for nobody's\n\
         made {connections} connections\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> ListenerStatus {
        ListenerStatus { port: 80, principal: 2, waiting: 1, ..ListenerStatus::default() }
    }

    fn connection() -> ConnectionStatus {
        ConnectionStatus {
            received_bytes: 10,
            sent_bytes: 20,
            round_trip_ns: 1_234_567,
            local: Address::v4(0x0a00_020f),
            remote: Address::v4(0x0a00_0202),
            local_port: 80,
            remote_port: 50_000,
            state: ConnectionStatus::ESTABLISHED,
            ..ConnectionStatus::default()
        }
    }

    #[test]
    fn connections_are_shown_in_columns() {
        let text = tables(&[listener()], &[connection()]);
        let rows: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["*:80", "*", "LISTEN", "-", "1", "-", "-", "-", "-", "2"]);
        let expected = [
            "10.0.2.15:80",
            "10.0.2.2:50000",
            "ESTABLISHED",
            "10",
            "0",
            "20",
            "0",
            "0",
            "1234",
            "us",
            "0",
        ];
        assert_eq!(rows[2], expected);
    }

    #[test]
    fn an_address_of_ipv6_stands_in_brackets() {
        let address = Address::parse("fe80::1").unwrap();
        assert_eq!(port_of(&address, 80), "[fe80::1]:80");
    }

    #[test]
    fn connections_are_shown_as_json() {
        let text = json(&[listener()], &[connection()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "{\"state\":\"LISTEN\",\"local_port\":80,\"principal\":2,\"waiting\":1,\"connections\":0,\"cookies\":0,\"dropped\":0}"
        );
        assert!(
            lines[1].starts_with(
                "{\"state\":\"ESTABLISHED\",\"local\":\"10.0.2.15\",\"local_port\":80,"
            )
        );
        assert!(lines[1].contains("\"round_trip_ns\":1234567"));
    }
}
