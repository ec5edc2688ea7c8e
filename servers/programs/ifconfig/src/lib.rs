//! `ifconfig`: the state of the network. It only shows: what the system file says, or a DHCP server has said, is not changed here.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};
use core::fmt::Display;

use warren::{Cx, Optional, Req, Required, server};
use warren_idl::{
    Address, Dhcp, DhcpError, DhcpLease, Ipv4, Ipv4Counts, Ipv4Settings, Ipv6, Ipv6Address,
    Ipv6Counts, LinkCounts, LinkDescription, Neighbour, Neighbourhood, NeighbourhoodDescription,
    OFFLOAD_CHECKSUM, OFFLOAD_SEGMENT_IPV4, OFFLOAD_SEGMENT_IPV6, PacketMemory, PacketMemoryStatus,
    Program, Route, Routing,
};
use warren_packets::address::LinkAddress;
use warren_program::{
    About, Arguments, Handed, Manual, Report, Reporting, Trouble, UsageError, listed, program,
    table::Table,
};

/// What the program requires.
#[derive(Required)]
pub struct Needs {
    neighbourhood: Req<dyn Neighbourhood>,
    routing: Req<dyn Routing>,
    ipv4: Req<dyn Ipv4>,
    ipv6: Optional<dyn Ipv6>,
    packets: Req<dyn PacketMemory>,
    dhcp: Optional<dyn Dhcp>,
}

/// Shows the state of the network.
#[server(provides(Program), locals(Run), summary = "show the state of the network")]
pub struct Ifconfig {}

program!(Ifconfig requires Needs, Run, Reporting<Showing>);

struct Showing {
    neighbours: bool,
    routes: bool,
}

impl Report<Run> for Showing {
    const MANUAL: Manual = Manual {
        usage: "[-nr]",
        details: "\
-n  show the neighbours that were asked for, and where they are
-r  show the routes: of those that lead to an address the one with the longest prefix counts\n",
    };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "nr", "")?;
        let (neighbours, routes) = (arguments.has('n'), arguments.has('r'));
        arguments.none()?;
        Ok(Showing { neighbours, routes })
    }

    fn text(&self, cx: &mut Cx<'_, Run>, _handed: &Handed) -> Result<String, Trouble> {
        let Needs { neighbourhood, routing, ipv4, ipv6, packets, dhcp } = cx.req();
        if self.neighbours {
            let near = listed::all(|index| neighbourhood.neighbour(cx, index));
            let mut all = near.about("neighbours")?;
            if let Some(ipv6) = ipv6.get() {
                all.extend(listed::all(|index| ipv6.neighbour(cx, index)).about("ipv6")?);
            }
            return Ok(neighbours(&all));
        }
        if self.routes {
            let all = listed::all(|index| routing.entry(cx, index)).about("routing")?;
            return Ok(routes(&all));
        }
        let link = neighbourhood.link(cx).about("link")?;
        let counts = neighbourhood.counts(cx).about("link")?;
        let below = (link, counts, neighbourhood.description(cx).about("link")?);
        let above = (ipv4.counts(cx).about("ipv4")?, ipv4.settings(cx).about("ipv4")?);
        let six = match ipv6.get() {
            Some(ipv6) => Some((
                listed::all(|index| ipv6.address(cx, index)).about("ipv6")?,
                ipv6.router(cx).about("ipv6")?,
                listed::all(|index| ipv6.name_server(cx, index)).about("ipv6")?,
                ipv6.counts(cx).about("ipv6")?,
            )),
            None => None,
        };
        let lease = match dhcp.get().map(|dhcp| dhcp.lease(cx)) {
            None | Some(Err(DhcpError::NoLease)) => None,
            Some(lease) => Some(lease.about("dhcp")?),
        };
        let memory = packets.status(cx).about("packet memory")?;
        Ok(text(&below, &above, six.as_ref(), lease.as_ref(), &memory))
    }
}

type Below = (LinkDescription, LinkCounts, NeighbourhoodDescription);
type Above = (Ipv4Counts, Ipv4Settings);

/// Addresses, router, name servers, and what was done, of IPv6.
type Six = (Vec<Ipv6Address>, Address, Vec<Address>, Ipv6Counts);

fn text(
    below: &Below,
    above: &Above,
    six: Option<&Six>,
    lease: Option<&DhcpLease>,
    memory: &PacketMemoryStatus,
) -> String {
    let (link, counts, near) = below;
    let (ipv4, settings) = above;
    let names = [
        (OFFLOAD_CHECKSUM, "checksum"),
        (OFFLOAD_SEGMENT_IPV4, "segment-ipv4"),
        (OFFLOAD_SEGMENT_IPV6, "segment-ipv6"),
    ];
    let offloads = names.iter().filter(|(bit, _)| link.offloads & bit != 0);
    let offloads = words(offloads.map(|(_, name)| *name));
    let up = if link.up != 0 { "up" } else { "down" };
    let servers = settings.name_servers.iter().take_while(|server| **server != 0);
    let servers = words(servers.map(|server| Address::v4(*server)));
    let lent = lease.map_or(String::new(), |DhcpLease { server, left_s, .. }| {
        let time = match left_s {
            &u32::MAX => "ever".into(),
            seconds => format!("{seconds} s"),
        };
        format!("         lent by {} for {time}\n", Address::v4(*server))
    });
    let six = six.map_or(String::new(), six_text);
    let gateway = words([settings.gateway].into_iter().filter(|it| *it != 0).map(Address::v4));
    let (address, inet) = (LinkAddress(link.address), Address::v4(near.address));
    let LinkCounts { received, received_bytes, sent, sent_bytes, .. } = counts;
    let LinkCounts { received_dropped, sent_dropped, resets, .. } = counts;
    let Ipv4Counts { bad, unknown, fragments, reassembled, fragments_dropped, .. } = ipv4;
    let PacketMemoryStatus { buffers, free, quarantined, shares } = memory;
    format!(
        "link     {up}  ether {address}  mtu {}  queues {}  offloads {offloads}\n\
         \x20        received {received} frames, {received_bytes} bytes, {received_dropped} dropped\n\
         \x20        sent {sent} frames, {sent_bytes} bytes, {sent_dropped} dropped, {resets} resets\n\
         ipv4     inet {inet}/{}  gateway {gateway}  name servers {servers}\n\
         {lent}\
         \x20        received {} packets, {bad} bad, {unknown} of unknown protocols\n\
         \x20        received {fragments} fragments, {reassembled} datagrams of them, {fragments_dropped} dropped\n\
         \x20        sent {} packets\n\
         {six}\
         packets  {buffers} buffers, {free} free, {quarantined} in quarantine, {shares} shares\n",
        link.mtu, link.pairs, near.prefix, ipv4.received, ipv4.sent
    )
}

/// What there is, with space in between.
fn words<T: Display>(all: impl Iterator<Item = T>) -> String {
    let all: Vec<_> = all.map(|it| format!("{it}")).collect();
    if all.is_empty() { "none".into() } else { all.join(" ") }
}

fn six_text((addresses, router, servers, counts): &Six) -> String {
    let all = words(addresses.iter().map(|it| format!("{}/{}", it.address, it.prefix)));
    let gateway = words([router].into_iter().filter(|router| **router != Address::NONE));
    let servers = words(servers.iter());
    let Ipv6Counts { received, bad, unknown, discovery, fragments, reassembled, .. } = counts;
    let Ipv6Counts { fragments_dropped, sent, .. } = counts;
    format!(
        "ipv6     inet6 {all}  gateway {gateway}  name servers {servers}\n\
         \x20        received {received} packets, {bad} bad, {unknown} of unknown protocols, {discovery} of neighbours and routers\n\
         \x20        received {fragments} fragments, {reassembled} datagrams of them, {fragments_dropped} dropped\n\
         \x20        sent {sent} packets\n"
    )
}

fn routes(all: &[Route]) -> String {
    let mut table = Table::new(["DESTINATION", "GATEWAY", "SOURCE", "MTU"]);
    let or_none = |address: Address| match address {
        Address::NONE => "-".into(),
        address => format!("{address}"),
    };
    for Route { destination, gateway, source, prefix, mtu, .. } in all {
        // Those of IPv4 have 96 bits in front.
        let prefix =
            if destination.as_v4().is_some() { prefix.saturating_sub(96) } else { *prefix };
        let destination = format!("{destination}/{prefix}");
        table.row([destination, or_none(*gateway), or_none(*source), format!("{mtu}")]);
    }
    table.text()
}

fn neighbours(all: &[Neighbour]) -> String {
    let mut table = Table::new(["ADDRESS", "ETHER", "AGE"]);
    for Neighbour { address, known, link_address, age_s } in all {
        let (link, age) = match known {
            0 => ("unknown".into(), "-".into()),
            _ => (format!("{}", LinkAddress(*link_address)), format!("{age_s} s")),
        };
        table.row([format!("{address}"), link, age]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_shown() {
        let link = LinkDescription {
            address: [0x52, 0x54, 0, 0x12, 0x34, 0x56],
            up: 1,
            mtu: 1500,
            offloads: OFFLOAD_CHECKSUM | OFFLOAD_SEGMENT_IPV4,
            pairs: 2,
        };
        let counts = LinkCounts { received: 3, received_bytes: 200, ..Default::default() };
        let near =
            NeighbourhoodDescription { address: 0x0a00_020f, prefix: 24, ..Default::default() };
        let settings = Ipv4Settings {
            gateway: 0x0a00_0202,
            name_servers: [0x0a00_0203, 0, 0],
            ..Ipv4Settings::default()
        };
        let address = Address::parse("fec0::15").unwrap_or_default();
        let own = Ipv6Address { address, prefix: 64 };
        let memory = PacketMemoryStatus { buffers: 1024, free: 700, quarantined: 0, shares: 4 };
        let lease = DhcpLease { server: 0x0a00_0202, left_s: 86_399, ..DhcpLease::default() };
        let text = text(
            &(link, counts, near),
            &(Ipv4Counts { received: 2, ..Default::default() }, settings),
            Some(&(alloc::vec![own], Address::NONE, alloc::vec![address], Ipv6Counts::default())),
            Some(&lease),
            &memory,
        );
        for line in [
            "link     up  ether 52:54:00:12:34:56  mtu 1500  queues 2  offloads checksum segment-ipv4",
            "         received 3 frames, 200 bytes, 0 dropped",
            "ipv4     inet 10.0.2.15/24  gateway 10.0.2.2  name servers 10.0.2.3",
            "         lent by 10.0.2.2 for 86399 s",
            "ipv6     inet6 fec0::15/64  gateway none  name servers fec0::15",
            "packets  1024 buffers, 700 free, 0 in quarantine, 4 shares",
        ] {
            assert!(text.lines().any(|other| other == line), "{text}");
        }
    }

    #[test]
    fn routes_are_shown_in_columns() {
        let address = |text| Address::parse(text).unwrap();
        let far = Route {
            destination: Address::v4(0),
            prefix: 96,
            gateway: address("10.0.2.2"),
            source: address("10.0.2.15"),
            mtu: 1500,
            ..Route::default()
        };
        let near =
            Route { destination: address("fe80::"), prefix: 64, mtu: 9000, ..Route::default() };
        let expected = "\
DESTINATION  GATEWAY   SOURCE     MTU
0.0.0.0/0    10.0.2.2  10.0.2.15  1500
fe80::/64    -         -          9000
";
        assert_eq!(routes(&[far, near]), expected);
    }

    #[test]
    fn neighbours_are_shown_in_columns() {
        let [first, second] = [1, 2].map(Address::v4);
        let known = Neighbour { address: first, known: 1, link_address: [2; 6], age_s: 7 };
        let unknown = Neighbour { address: second, ..Neighbour::default() };
        let expected = "\
ADDRESS  ETHER              AGE
0.0.0.1  02:02:02:02:02:02  7 s
0.0.0.2  unknown            -
";
        assert_eq!(neighbours(&[known, unknown]), expected);
    }
}
