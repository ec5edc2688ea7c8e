//! Which of a name's addresses is to be tried first (RFC 6724, section 6, of which this is the simplest form).
//!
//! One of IPv6 goes first if the stack has a way there and would use an address of its own that reaches as far: a global one to a global one, a
//! unique local one to a unique local one. Then come those of IPv4, and what is left.

use warren_idl::Address;

/// When an address is to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// By IPv6, which leads there.
    First,
    /// By IPv4.
    Second,
    /// By IPv6, which most likely does not.
    Last,
}

/// How far an address of IPv6 reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All stations.
    Global,
    /// Those of one network of networks (RFC 4193).
    UniqueLocal,
    /// Its link, or its station, or what was a site once (RFC 3879).
    Near,
}

impl Reach {
    fn of(address: &Address) -> Self {
        match address.bytes {
            [0xfc | 0xfd, ..] => Reach::UniqueLocal,
            [0xfe | 0xff, ..] => Reach::Near,
            _ if address.number() <= 1 => Reach::Near,
            _ => Reach::Global,
        }
    }
}

/// When it is the turn of an address to which the stack would send from `source`, if it knows a way.
pub fn turn(address: &Address, source: Option<Address>) -> Turn {
    if address.as_v4().is_some() {
        return Turn::Second;
    }
    let reach = Reach::of(address);
    match source {
        Some(source) if reach != Reach::Near && Reach::of(&source) == reach => Turn::First,
        _ => Turn::Last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_goes_first_where_the_station_reaches_as_far() {
        for (address, source, expected) in [
            ("2001:db8::1", Some("2001:db8:1::15"), Turn::First),
            ("fd00::1", Some("fd00::15"), Turn::First),
            ("64:ff9b::a00:202", Some("2001:db8:1::15"), Turn::First),
            ("10.0.2.2", Some("10.0.2.15"), Turn::Second),
            ("10.0.2.2", None, Turn::Second),
            ("2001:db8::1", None, Turn::Last),
            ("2001:db8::1", Some("fe80::15"), Turn::Last),
            ("2001:db8::1", Some("fec0::15"), Turn::Last),
            ("2001:db8::1", Some("fd00::15"), Turn::Last),
            ("fd00::1", Some("2001:db8:1::15"), Turn::Last),
            ("fe80::1", Some("fe80::15"), Turn::Last),
            ("::1", Some("::1"), Turn::Last),
        ] {
            let [it, from] = [Some(address), source].map(|it| it.and_then(Address::parse));
            assert_eq!(turn(&it.unwrap(), from), expected, "{address} {source:?}");
        }
        assert!(Turn::First < Turn::Second && Turn::Second < Turn::Last);
    }
}
