use warren_abi::description::tag;

use super::{
    example::{CLOCK, CONSOLE},
    *,
};
use crate::file::{DescriptionFault, limits};

/// Numbers of the example's records.
const NAME: usize = 0;
const SUMMARY: usize = 1;
const PROVIDES: usize = 2;
const FUNCTION: usize = 3;
const REQUIRES: usize = 7;
const ATTRIBUTES: usize = 11;
/// Number of a record that is added.
const NEXT: usize = 12;

fn fault(change: impl FnOnce(&mut Vec<(u8, Vec<u8>)>), record: usize, fault: DescriptionFault) {
    let error = FileError::Description { record: Some(record), fault };
    refused(|file| change(&mut file.description), error);
}

fn whole(change: impl FnOnce(&mut Vec<(u8, Vec<u8>)>), fault: DescriptionFault) {
    let error = FileError::Description { record: None, fault };
    refused(|file| change(&mut file.description), error);
}

/// The payload of one record is refused.
fn payload(record: usize, bytes: &[u8], expected: DescriptionFault) {
    fault(|records| records[record].1 = bytes.to_vec(), record, expected);
}

fn service(id: u32, flags: u8, text: &str) -> Vec<u8> {
    [&id.to_le_bytes(), &[flags][..], text.as_bytes()].concat()
}

fn attributes(words: [u32; 4]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn everything_that_is_described_is_read() {
    let file = accepted(|_| ());
    let description = file.description();
    assert_eq!(description.name, "demo");
    assert_eq!(description.summary, "A server that shows everything");
    let clock = &description.provides[0];
    assert_eq!((clock.id, clock.name.as_str(), clock.atomic), (CLOCK, "Clock", true));
    let local = &description.locals[0];
    let functions: Vec<_> = local.functions.iter().map(ToString::to_string).collect();
    assert_eq!(functions, ["read(wo_w)", "bytes(_w)"]);
    let console = &description.requirements[0];
    assert_eq!((console.field.as_str(), console.optional), ("console", true));
    assert_eq!((console.service.id, console.service.functions.len()), (CONSOLE, 2));
    assert_eq!(description.parameters, ["greeting"]);
    assert!(!description.concurrent && !description.survives_panics);
    assert_eq!((description.stack_bytes, description.state_bytes), (8192, 24));
    assert_eq!(description.state_alignment, 8);
}

#[test]
fn a_concurrent_server_is_recognised() {
    let words = attributes([1, 0, 0, 1]);
    assert!(accepted(|file| file.description[ATTRIBUTES].1 = words).description().concurrent);
}

#[test]
fn a_server_that_survives_panics_is_recognised() {
    let words = attributes([2, 0, 0, 1]);
    let file = accepted(|file| file.description[ATTRIBUTES].1 = words);
    assert!(file.description().survives_panics && !file.description().concurrent);
}

#[test]
fn a_server_that_counts_what_it_writes_is_recognised() {
    let words = attributes([4, 0, 0, 1]);
    let file = accepted(|file| file.description[ATTRIBUTES].1 = words);
    assert!(file.description().counts_output && !file.description().survives_panics);
}

#[test]
fn a_description_of_another_version_is_refused() {
    let fault = DescriptionFault::Version(2);
    refused(|file| file.version = 2, FileError::Description { record: None, fault });
}

#[test]
fn names_that_could_play_tricks_on_a_terminal_are_refused() {
    let long = [b'x'; limits::NAME_BYTES + 1];
    for name in [&b""[..], b"a\x1b[2J", b"two words", b"\xff", "n\u{e9}".as_bytes(), &long] {
        payload(NAME, name, DescriptionFault::Name);
    }
    let long = [b'x'; limits::SUMMARY_BYTES + 1];
    for line in [&b"a\nb"[..], b"\x1b", b"\xff", &long] {
        payload(SUMMARY, line, DescriptionFault::Name);
    }
}

#[test]
fn a_record_of_an_unknown_kind_is_refused() {
    fault(|records| records[NAME].0 = b'Z', NAME, DescriptionFault::Tag(b'Z'));
}

#[test]
fn a_service_that_is_cut_off_or_nameless_is_refused() {
    payload(PROVIDES, &[1, 0, 0, 0], DescriptionFault::Length);
    payload(PROVIDES, &service(CLOCK, 1, ""), DescriptionFault::Name);
    payload(PROVIDES, &service(0, 1, "Clock"), DescriptionFault::Name);
    payload(REQUIRES, &service(CONSOLE, 0, "Console"), DescriptionFault::Name);
    payload(REQUIRES, &service(CONSOLE, 0, ":Console"), DescriptionFault::Name);
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    payload(PROVIDES, &service(CLOCK, 2, "Clock"), DescriptionFault::Flags);
    payload(REQUIRES, &service(CONSOLE, 4, "console:Console"), DescriptionFault::Flags);
    payload(ATTRIBUTES, &attributes([8, 0, 0, 1]), DescriptionFault::Flags);
}

#[test]
fn functions_that_are_none_are_refused() {
    for text in [&b"now_ns"[..], b"now_ns(_w", b"(_w)", b"now_ns(q_w)", b"now_ns(_w)x", b"\xff"] {
        let expected =
            if text == b"(_w)" { DescriptionFault::Name } else { DescriptionFault::Function };
        payload(FUNCTION, text, expected);
    }
}

#[test]
fn a_function_before_any_service_is_refused() {
    let function = (tag::FUNCTION, b"now_ns(_w)".to_vec());
    fault(|records| records.insert(0, function), 0, DescriptionFault::NoService);
}

#[test]
fn sizes_that_the_system_does_not_have_are_refused() {
    let sizes = [
        [0, limits::STACK_BYTES + 1, 0, 1],
        [0, 0, limits::STATE_BYTES as u32 + 1, 1],
        [0, 0, 0, 0],
        [0, 0, 0, 24],
        [0, 0, 0, 8192],
    ];
    for words in sizes {
        payload(ATTRIBUTES, &attributes(words), DescriptionFault::Sizes);
    }
    payload(ATTRIBUTES, &[0; 15], DescriptionFault::Length);
    payload(ATTRIBUTES, &[0; 20], DescriptionFault::Length);
}

#[test]
fn what_may_come_once_is_refused_twice() {
    for record in [NAME, SUMMARY, PROVIDES, REQUIRES, 10, ATTRIBUTES] {
        let again = |records: &mut Vec<(u8, Vec<u8>)>| records.push(records[record].clone());
        fault(again, NEXT, DescriptionFault::Twice);
    }
}

#[test]
fn what_must_come_is_missed() {
    whole(|records| drop(records.remove(NAME)), DescriptionFault::Missing(tag::NAME));
    whole(|records| drop(records.pop()), DescriptionFault::Missing(tag::ATTRIBUTES));
}

#[test]
fn more_services_functions_requirements_or_parameters_than_allowed_are_refused() {
    let local = |records: &mut Vec<(u8, Vec<u8>)>| {
        records.extend((2..=limits::KINDS).map(|_| (tag::LOCAL, service(9, 0, "Nine"))));
    };
    fault(local, NEXT + limits::KINDS - 2, DescriptionFault::TooMany);
    let function = |records: &mut Vec<(u8, Vec<u8>)>| {
        records.resize(NEXT + limits::FUNCTIONS, (tag::FUNCTION, b"f(_n)".to_vec()));
    };
    fault(function, NEXT + limits::FUNCTIONS - 2, DescriptionFault::TooMany);
    let required = |records: &mut Vec<(u8, Vec<u8>)>| {
        let requirement =
            |index| (tag::REQUIRES, service(9, 0, &alloc::format!("field{index}:Nine")));
        records.extend((0..limits::REQUIREMENTS).map(requirement));
    };
    fault(required, NEXT + limits::REQUIREMENTS - 1, DescriptionFault::TooMany);
    let parameter = |records: &mut Vec<(u8, Vec<u8>)>| {
        let parameter = |index| (tag::PARAMETER, alloc::format!("p{index}").into_bytes());
        records.extend((0..limits::PARAMETERS).map(parameter));
    };
    fault(parameter, NEXT + limits::PARAMETERS - 1, DescriptionFault::TooMany);
}

#[test]
fn one_service_described_in_two_ways_is_refused_with_both() {
    let mut example = Example::new();
    example.description.push((tag::REQUIRES, service(CLOCK, 1, "clock:Clock")));
    example.description.push((tag::FUNCTION, b"now_ns(v_w)".to_vec()));
    let message = ServerFile::parse(&example.bytes()).unwrap_err().to_string();
    assert!(message.contains("c10c0001"), "{message}");
    assert!(message.contains("`now_ns(_w)` and `now_ns(v_w)`"), "{message}");
}

#[test]
fn one_service_described_twice_in_one_way_is_accepted() {
    accepted(|file| {
        file.description.push((tag::REQUIRES, service(CLOCK, 1, "clock:Clock")));
        file.description.push((tag::FUNCTION, b"now_ns(_w)".to_vec()));
    });
}
