//! The tables that the macros make for a loader.

use warren::{
    Cx, New, Server, StartError,
    raw::{Tables, describe, description::records},
    server,
};

use crate::{contexts::Tree, engine::Nothing, storage::ToyFs};

/// Goes on after a panic.
#[server(provides(Nothing), survives_panics)]
pub struct Lasting;

impl Nothing for Lasting {}

impl Server for Lasting {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Lasting)
    }
}

/// The records of a server's description.
pub fn read<T: Tables>() -> Vec<(char, Vec<u8>)> {
    let builder = describe::<T>();
    let section = builder.bytes();
    let records = records(section).unwrap().map(|record| record.unwrap());
    records.map(|(tag, payload)| (tag.into(), payload.to_vec())).collect()
}

/// A service's record.
fn service(id: u32, flags: u8, name: &str) -> Vec<u8> {
    [&id.to_le_bytes()[..], &[flags], name.as_bytes()].concat()
}

#[test]
fn services_come_with_the_signatures_of_their_functions() {
    let records = read::<ToyFs>();
    let expected = [
        ('N', b"warren".to_vec()),
        ('D', b"File n is block n + 1; block 0 has the lengths".to_vec()),
        ('P', service(0xf11e_0002, 0, "FileSystem")),
        ('F', b"open(i_r4045275137)".to_vec()),
        ('F', b"directory(i_r4045275139)".to_vec()),
        ('F', b"status(it40_n)".to_vec()),
        ('L', service(0xf11e_0001, 0, "File")),
        ('F', b"size(_w)".to_vec()),
    ];
    assert_eq!(records[..expected.len()], expected);
    let requirement = records.iter().position(|record| record.0 == 'R').unwrap();
    assert_eq!(records[requirement].1, service(0xb10c_0001, 0, "disk:BlockDevice"));
    assert_eq!(records[requirement + 1].1, b"block_bytes(_v)");
    let attributes = &records.last().unwrap().1;
    assert_eq!(attributes[..8], [4, 0, 0, 0, 0, 0x40, 0, 0]);
    assert_eq!(attributes[8..], [8, 0, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn flags_say_what_is_atomic_and_what_may_be_absent() {
    let records = read::<Tree>();
    let with_tag = |tag| records.iter().filter(move |it| it.0 == tag).map(|it| it.1.clone());
    assert!(with_tag('P').eq([service(17, 0, "Node"), service(18, 1, "Touch")]));
    assert!(with_tag('L').eq([service(17, 0, "Node"), service(17, 0, "Node")]));
    assert!(with_tag('R').eq([service(16, 0, "echo:Echo"), service(18, 3, "touch:Touch")]));
}

#[test]
fn a_server_may_say_that_it_survives_panics() {
    let records = read::<Lasting>();
    assert_eq!(records.last().unwrap().1[..4], [6, 0, 0, 0]);
}

#[test]
fn kinds_are_the_roots_services_and_then_the_local_servers() {
    let services: Vec<_> = Tree::KINDS.iter().map(|kind| kind.service).collect();
    let locals: Vec<_> = Tree::KINDS.iter().map(|kind| !kind.drop.is_null()).collect();
    assert_eq!(services, [17, 18, 17, 17]);
    assert_eq!(locals, [false, false, true, true]);
    assert_eq!(Tree::KINDS[0].entry_count, 3);
}
