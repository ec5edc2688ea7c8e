//! Sockets of UDP.

use alloc::{format, string::String};

use warren::Cx;
use warren_idl::{UdpCounts, UdpSocketStatus};
use warren_program::{About, Trouble, json, listed, table::Table};

use crate::Run;

/// The sockets, or what UDP has done in all.
pub fn text(cx: &mut Cx<'_, Run>, json: bool, counts: bool) -> Result<String, Trouble> {
    let udp = &cx.req().udp;
    if counts {
        let counts = udp.counts(cx).about("udp")?;
        return Ok(if json { json::shown(&[counts]) } else { counted(&counts) });
    }
    let sockets = listed::all(|index| udp.socket(cx, index)).about("udp")?;
    Ok(if json { json::shown(&sockets) } else { table(&sockets) })
}

fn counted(counts: &UdpCounts) -> String {
    let UdpCounts { received, bad, unknown, dropped, sent } = counts;
    format!(
        "received {received} datagrams, {bad} bad, {unknown} for ports that nobody has, {dropped} dropped\nsent {sent} datagrams\n"
    )
}

fn table(sockets: &[UdpSocketStatus]) -> String {
    let mut table = Table::new(["LOCAL", "RECEIVED", "UNREAD", "DROPPED", "SENT"]);
    for UdpSocketStatus { port, waiting, received, dropped, sent } in sockets {
        let numbers = [received, &u64::from(*waiting), dropped, sent].map(|it| format!("{it}"));
        let [received, waiting, dropped, sent] = numbers;
        table.row([format!("*:{port}"), received, waiting, dropped, sent]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const SOCKET: UdpSocketStatus =
        UdpSocketStatus { port: 53, waiting: 1, received: 3, dropped: 0, sent: 2 };

    #[test]
    fn sockets_are_shown_in_columns_and_as_json() {
        let text = table(&[SOCKET]);
        let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["*:53", "3", "1", "0", "2"]);
        let expected =
            "{\"local_port\":53,\"received\":3,\"waiting\":1,\"dropped\":0,\"sent\":2}\n";
        assert_eq!(json::shown(&[SOCKET]), expected);
    }

    #[test]
    fn what_was_done_in_all_is_shown() {
        let counts = UdpCounts { received: 4, unknown: 1, ..UdpCounts::default() };
        assert!(counted(&counts).starts_with("received 4 datagrams, 0 bad, 1 for ports"));
        assert!(json::shown(&[counts]).starts_with("{\"received\":4,\"bad\":0,\"unknown\":1,"));
    }
}
