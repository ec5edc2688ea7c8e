//! Counts of permanent and weak references.

use warren::{Cx, Kept, SystemError, Weak};
use warren_idl::BlockDevice;

use crate::{
    engine::{Loaded, Session},
    storage::SmallDisk,
};

fn disk(session: &Session) -> Loaded {
    session.load::<SmallDisk>(&[]).unwrap()
}

#[test]
fn a_permanent_reference_counts_until_the_activation_that_dropped_it_ends() {
    let session = Session::begin();
    let disk = disk(&session);
    let mut kept: Option<Kept<dyn BlockDevice>> = None;
    session.run(|cx| kept = Some(disk.get::<dyn BlockDevice, _>(cx).keep().unwrap()));
    assert_eq!(session.count(disk.root(0)), 2);
    session.run(|_| {
        kept = None;
        assert_eq!(session.count(disk.root(0)), 2);
    });
    assert_eq!(session.count(disk.root(0)), 1);
}

#[test]
fn a_temporary_reference_counts_until_its_activation_ends() {
    let session = Session::begin();
    let disk = disk(&session);
    let mut kept: Option<Kept<dyn BlockDevice>> = None;
    session.run(|cx| {
        kept = Some(disk.get::<dyn BlockDevice, _>(cx).keep().unwrap());
        kept.as_ref().unwrap().get(cx).unwrap();
        assert_eq!(session.count(disk.root(0)), 3);
    });
    assert_eq!(session.count(disk.root(0)), 2);
    session.run(|_| kept = None);
}

#[test]
fn a_weak_reference_finds_its_target_gone() {
    let session = Session::begin();
    let disk = disk(&session);
    let mut weak: Option<Weak<dyn BlockDevice>> = None;
    session.run(|cx| weak = Some(disk.get::<dyn BlockDevice, _>(cx).weak().unwrap()));
    let upgrade = |cx: &Cx<'_, _>| weak.as_ref().unwrap().upgrade(cx).map(drop);
    session.run(|cx| assert_eq!(upgrade(cx), Ok(())));
    disk.release();
    session.run(|cx| assert_eq!(upgrade(cx), Err(SystemError::Gone)));
}

#[test]
fn references_are_shown_by_their_service() {
    let session = Session::begin();
    let disk = disk(&session);
    session.run(|cx| {
        assert_eq!(format!("{:?}", disk.get::<dyn BlockDevice, _>(cx)), "Ref<BlockDevice>");
    });
}
