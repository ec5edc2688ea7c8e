//! Questions to name servers, and what is in their answers (RFC 1035, RFC 3596).

use alloc::{vec, vec::Vec};
use core::time::Duration;

use smoltcp::wire::{
    DnsFlags, DnsOpcode, DnsPacket, DnsQueryType, DnsQuestion, DnsRcode, DnsRecord, DnsRecordData,
    DnsRepr,
};
use warren_idl::{ADDRESSES, Address};

/// Bytes of the longest name, without the dot behind it, and of its longest part (section 2.3.4).
const NAME_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;
/// Names that stand for others, one behind the other.
const MOST_ALIASES: usize = 8;
/// Addresses of one kind.
const MOST_ADDRESSES: usize = ADDRESSES / 2;

/// The kinds of addresses. Each is a question of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of IPv4.
    Ipv4,
    /// Of IPv6.
    Ipv6,
}

impl Kind {
    fn query(self) -> DnsQueryType {
        match self {
            Kind::Ipv4 => DnsQueryType::A,
            Kind::Ipv6 => DnsQueryType::Aaaa,
        }
    }

    /// The address in a record, if it is one of this kind.
    fn address(self, data: &DnsRecordData<'_>) -> Option<Address> {
        match (self, data) {
            (Kind::Ipv4, DnsRecordData::A(address)) => Some(Address::v4((*address).into())),
            (Kind::Ipv6, DnsRecordData::Aaaa(address)) => {
                // One of IPv4 in the other form is none that anybody is to reach by IPv6.
                let address = Address { bytes: address.octets() };
                Some(address).filter(|address| address.as_v4().is_none())
            }
            _ => None,
        }
    }
}

/// A name as it is compared and sent: labels in small letters, each behind its length, and a 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(Vec<u8>);

impl Name {
    /// Reads `example.org`, with or without a dot behind it; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.len() > NAME_BYTES {
            return None;
        }
        let mut bytes = Vec::with_capacity(text.len() + 2);
        for label in text.split('.') {
            let fits = (1..=LABEL_BYTES).contains(&label.len());
            if !fits || !label.bytes().all(|byte| byte.is_ascii_graphic()) {
                return None;
            }
            push(&mut bytes, label.as_bytes());
        }
        bytes.push(0);
        Some(Name(bytes))
    }

    /// The name at some place of a message.
    fn read(packet: &DnsPacket<&[u8]>, place: &[u8]) -> Option<Self> {
        let mut bytes = Vec::new();
        for label in packet.parse_name(place) {
            let label = label.ok()?;
            if bytes.len() + label.len() > NAME_BYTES {
                return None;
            }
            push(&mut bytes, label);
        }
        bytes.push(0);
        Some(Name(bytes))
    }
}

fn push(bytes: &mut Vec<u8>, label: &[u8]) {
    bytes.push(label.len() as u8);
    bytes.extend(label.iter().map(u8::to_ascii_lowercase));
}

/// A question for the addresses of a name.
pub fn question(identifier: u16, name: &Name, kind: Kind) -> Vec<u8> {
    let question = DnsRepr {
        transaction_id: identifier,
        opcode: DnsOpcode::Query,
        flags: DnsFlags::RECURSION_DESIRED,
        question: DnsQuestion { name: &name.0, type_: kind.query() },
    };
    let mut bytes = vec![0; question.buffer_len()];
    question.emit(&mut DnsPacket::new_unchecked(&mut bytes[..]));
    bytes
}

/// What a name server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The addresses, half of [`ADDRESSES`] at most, and for how long they are good.
    Addresses(Vec<Address>, Duration),
    /// There are none of this kind.
    NotFound,
    /// It does not know.
    Failed,
}

/// Reads an answer to a question; `None` if it is none to this one.
pub fn answer(bytes: &[u8], identifier: u16, name: &Name, kind: Kind) -> Option<Answer> {
    let packet = DnsPacket::new_checked(bytes).ok()?;
    let is_answer = packet.transaction_id() == identifier
        && packet.flags().contains(DnsFlags::RESPONSE)
        && packet.opcode() == DnsOpcode::Query
        && packet.question_count() == 1;
    if !is_answer {
        return None;
    }
    let (rest, question) = DnsQuestion::parse(packet.payload()).ok()?;
    if question.type_ != kind.query() || Name::read(&packet, question.name)? != *name {
        return None;
    }
    match packet.rcode() {
        DnsRcode::NoError => Some(addresses(&packet, rest, name, kind).unwrap_or(Answer::Failed)),
        DnsRcode::NXDomain => Some(Answer::NotFound),
        _ => Some(Answer::Failed),
    }
}

/// The addresses in the records of an answer; `None` if they cannot be read.
fn addresses(packet: &DnsPacket<&[u8]>, records: &[u8], name: &Name, kind: Kind) -> Option<Answer> {
    let mut name = name.clone();
    let mut seconds = u32::MAX;
    // An alias stands in front of what it stands for mostly, but need not.
    for _ in 0..=MOST_ALIASES {
        let (mut found, mut alias) = (Vec::new(), None);
        let mut rest = records;
        for _ in 0..packet.answer_record_count() {
            let (behind, record) = DnsRecord::parse(rest).ok()?;
            rest = behind;
            if Name::read(packet, record.name)? != name {
                continue;
            }
            if let DnsRecordData::Cname(other) = record.data {
                seconds = seconds.min(record.ttl);
                alias = Some(Name::read(packet, other)?);
            }
            if let Some(address) = kind.address(&record.data)
                && found.len() < MOST_ADDRESSES
            {
                seconds = seconds.min(record.ttl);
                found.push(address);
            }
        }
        if !found.is_empty() {
            return Some(Answer::Addresses(found, Duration::from_secs(seconds.into())));
        }
        match alias {
            Some(alias) => name = alias,
            None => return Some(Answer::NotFound),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    /// An answer with records: name, type, data.
    fn reply(asked: &Name, flags: u16, records: &[(&[u8], u16, &[u8])]) -> Vec<u8> {
        let mut bytes = question(7, asked, KIND);
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[7] = records.len() as u8;
        for (name, kind, data) in records {
            bytes.extend_from_slice(name);
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 60]);
            bytes.extend((data.len() as u16).to_be_bytes());
            bytes.extend_from_slice(data);
        }
        bytes
    }

    /// An answer to a question for addresses of IPv6 with such records.
    fn reply_six(asked: &Name, records: &[[u8; 16]]) -> Vec<u8> {
        let records: Vec<(&[u8], u16, &[u8])> =
            records.iter().map(|bytes| (ASKED, LONG_ADDRESS, &bytes[..])).collect();
        let mut bytes = reply(asked, RIGHT, &records);
        let end = question(7, asked, Kind::Ipv6).len();
        bytes[..end][end - 4..].copy_from_slice(&[0, LONG_ADDRESS as u8, 0, 1]);
        bytes
    }

    const KIND: Kind = Kind::Ipv4;
    const ADDRESS: u16 = 1;
    const LONG_ADDRESS: u16 = 28;
    const ALIAS: u16 = 5;
    const RIGHT: u16 = 0x8180;
    /// The name of the question.
    const ASKED: &[u8] = &[0xc0, 12];
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn names_are_read() {
        assert_eq!(name("Example.org").0, b"\x07example\x03org\0");
        assert_eq!(name("example.org."), name("EXAMPLE.ORG"));
        let long = ["a"; 64].join("");
        for text in ["", ".", "a..b", "a b", "ä.org", &long, &["a"; 128].join(".")] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
        assert!(Name::parse(&["a"; 127].join(".")).is_some());
    }

    #[test]
    fn addresses_are_read() {
        let asked = name("example.org");
        let records: [(&[u8], u16, &[u8]); 3] = [
            (ASKED, ADDRESS, &[1, 2, 3, 4]),
            (b"\x05other\0", ADDRESS, &[9, 9, 9, 9]),
            (ASKED, ADDRESS, &[1, 2, 3, 5]),
        ];
        let bytes = reply(&asked, RIGHT, &records);
        let expected =
            Answer::Addresses(vec![Address::v4(0x0102_0304), Address::v4(0x0102_0305)], MINUTE);
        assert_eq!(answer(&bytes, 7, &asked, KIND), Some(expected));
    }

    #[test]
    fn addresses_of_ipv6_are_another_question() {
        let asked = name("a");
        let [first, last] = [0x2001_0db8 << 96 | 1, 0x2001_0db8 << 96 | 8].map(Address::new);
        let mapped = Address::v4(0x0102_0304);
        let bytes = reply_six(&asked, &[mapped.bytes, first.bytes]);
        let expected = Answer::Addresses(vec![first], MINUTE);
        assert_eq!(answer(&bytes, 7, &asked, Kind::Ipv6), Some(expected));
        assert_eq!(answer(&bytes, 7, &asked, Kind::Ipv4), None, "the other question");
        let many: Vec<[u8; 16]> =
            (1..30).map(|number| Address::new(0x2001_0db8 << 96 | number).bytes).collect();
        let Some(Answer::Addresses(found, _)) =
            answer(&reply_six(&asked, &many), 7, &asked, Kind::Ipv6)
        else {
            panic!("they are read")
        };
        assert_eq!((found.len(), found.last()), (MOST_ADDRESSES, Some(&last)));
        let only = reply(&asked, RIGHT, &[(ASKED, LONG_ADDRESS, &first.bytes)]);
        assert_eq!(answer(&only, 7, &asked, Kind::Ipv4), Some(Answer::NotFound));
    }

    #[test]
    fn aliases_are_followed_but_not_for_ever() {
        let asked = name("a");
        let records: [(&[u8], u16, &[u8]); 3] = [
            (b"\x01c\0", ADDRESS, &[1, 2, 3, 4]),
            (b"\x01b\0", ALIAS, b"\x01c\0"),
            (ASKED, ALIAS, b"\x01B\0"),
        ];
        let bytes = reply(&asked, RIGHT, &records);
        let expected = Answer::Addresses(vec![Address::v4(0x0102_0304)], MINUTE);
        assert_eq!(answer(&bytes, 7, &asked, KIND), Some(expected));
        let bytes = reply(&asked, RIGHT, &[(ASKED, ALIAS, ASKED)]);
        assert_eq!(answer(&bytes, 7, &asked, KIND), Some(Answer::Failed));
    }

    #[test]
    fn errors_of_servers_are_told_apart() {
        let asked = name("a");
        assert_eq!(answer(&reply(&asked, 0x8183, &[]), 7, &asked, KIND), Some(Answer::NotFound));
        assert_eq!(answer(&reply(&asked, RIGHT, &[]), 7, &asked, KIND), Some(Answer::NotFound));
        assert_eq!(answer(&reply(&asked, 0x8182, &[]), 7, &asked, KIND), Some(Answer::Failed));
    }

    #[test]
    fn answers_to_other_questions_are_none() {
        let asked = name("a");
        let right = reply(&asked, RIGHT, &[(ASKED, ADDRESS, &[1, 2, 3, 4])]);
        assert_eq!(answer(&right, 8, &asked, KIND), None, "another number");
        assert_eq!(answer(&right, 7, &name("b"), KIND), None, "another name");
        assert_eq!(answer(&question(7, &asked, KIND), 7, &asked, KIND), None, "a question");
        assert_eq!(answer(&right[..11], 7, &asked, KIND), None, "cut off");
        let records = &right[..right.len() - 1];
        assert_eq!(answer(records, 7, &asked, KIND), Some(Answer::Failed), "a record is cut off");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(
            bytes in prop::collection::vec(any::<u8>(), 0..100), at in 0usize..60, to: u8,
        ) {
            let asked = name("a");
            let mut right = reply(&asked, RIGHT, &[
                (ASKED, ALIAS, b"\x01b\0"), (b"\x01b\0", ADDRESS, &[1, 2, 3, 4]),
            ]);
            let at = at % right.len();
            right[at] = to;
            answer(&right, 7, &asked, KIND);
            right.truncate(17);
            right.extend(&bytes);
            right[7] = 3;
            answer(&right, 7, &asked, KIND);
            answer(&bytes, 7, &asked, KIND);
        }
    }
}
