//! What a context gives and allows: re-entry, atomic calls, scopes, the free lock, hooks, parents.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use warren::{
    AtomicCx, Closing, Cx, Kept, New, Optional, Ref, Req, Required, Server, StartError,
    SystemError, errors, local, server, service,
};

use crate::engine::{Loaded, Session};

stubs! {
    "wcall.00000010.0.Echo.back.r17v_v" back 0 (caller depth) plain
    "wcalla.00000012.0.Touch.touch.v_v" touch 0 (depth) atomic
    "wcall.00000011.0.Node.visit.v_v" visit 0 (depth) plain
    "wcall.00000011.1.Node.child._r17" child 1 () reference
    "wcall.00000011.2.Node.path._w" path 2 () plain
}

#[errors]
pub enum NodeError {
    /// It is too deep.
    Deep = 1,
}

/// Calls back whoever called.
#[service(id = 16)]
pub trait Echo {
    fn back<'f>(
        cx: &mut Cx<'f, Self>,
        caller: Ref<'f, dyn Node>,
        depth: u32,
    ) -> Result<u32, NodeError>;
}

#[service(id = 17)]
pub trait Node {
    fn visit(cx: &mut Cx<'_, Self>, depth: u32) -> Result<u32, NodeError>;
    fn child<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Node>, NodeError>;
    fn path(cx: &mut Cx<'_, Self>) -> Result<u64, NodeError>;
}

#[service(id = 18, atomic)]
pub trait Touch {
    fn touch(cx: &mut AtomicCx<'_, Self>, depth: u32) -> Result<u32, NodeError>;
}

#[derive(Required)]
pub struct Needs {
    echo: Req<dyn Echo>,
    touch: Optional<dyn Touch>,
}

/// A tree whose nodes visit each other.
#[server(provides(Node, Touch), locals(Child, Grandchild))]
pub struct Tree {
    visits: u32,
    started: bool,
}

#[local(provides = Node, parent = Tree)]
pub struct Child {
    number: u32,
}

#[local(provides = Node, parent = Child)]
pub struct Grandchild {
    number: u32,
}

thread_local! {
    /// What `closing` and the drops left behind.
    static TRACE: Cell<&'static str> = const { Cell::new("") };
}

impl Drop for Tree {
    fn drop(&mut self) {
        assert_eq!(TRACE.replace("dropped"), "closing");
    }
}

impl Server for Tree {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Tree { visits: 0, started: false })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        cx.started = true;
        // References to itself are possible here.
        cx.root::<dyn Node>()?.visit(cx, 0)?;
        Ok(())
    }

    fn closing(cx: &mut Cx<'_, Closing<Self>>) {
        assert!(cx.started);
        cx.visits += 1;
        TRACE.set("closing");
    }
}

impl Node for Tree {
    fn visit(cx: &mut Cx<'_, Self>, depth: u32) -> Result<u32, NodeError> {
        let before = cx.visits;
        cx.visits += 1;
        if depth > 0 {
            let this = cx.root::<dyn Node>()?;
            cx.req().echo.back(cx, this, depth - 1)?;
        }
        // What the re-entry wrote must be seen.
        assert_eq!(cx.visits, before + depth + 1);
        Ok(cx.visits)
    }

    fn child<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Node>, NodeError> {
        let number = cx.visits;
        Ok(cx.spawn(Child { number })?)
    }

    fn path(_cx: &mut Cx<'_, Self>) -> Result<u64, NodeError> {
        Ok(0)
    }
}

impl Touch for Tree {
    fn touch(cx: &mut AtomicCx<'_, Self>, depth: u32) -> Result<u32, NodeError> {
        cx.visits += 1;
        match cx.req().touch.get() {
            Some(next) if depth > 0 => next.touch(depth - 1),
            _ => Ok(cx.visits),
        }
    }
}

impl Node for Child {
    fn visit(cx: &mut Cx<'_, Self>, _depth: u32) -> Result<u32, NodeError> {
        cx.parent().visits += 10;
        let (child, tree) = cx.split();
        child.number += tree.visits;
        Ok(child.number)
    }

    fn child<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Node>, NodeError> {
        let number = cx.number + 1;
        Ok(cx.spawn(Grandchild { number })?)
    }

    fn path(cx: &mut Cx<'_, Self>) -> Result<u64, NodeError> {
        Ok(cx.number.into())
    }
}

impl Node for Grandchild {
    fn visit(cx: &mut Cx<'_, Self>, depth: u32) -> Result<u32, NodeError> {
        cx.root::<dyn Node>()?.visit(cx, depth)
    }

    fn child<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Node>, NodeError> {
        Ok(cx.this()?)
    }

    fn path(cx: &mut Cx<'_, Self>) -> Result<u64, NodeError> {
        let own = u64::from(cx.number);
        Ok(own * 100 + u64::from(cx.parent().number))
    }
}

/// Calls back.
#[server(provides(Echo, Touch))]
pub struct Mirror;

#[derive(Required)]
pub struct MirrorNeeds {
    touch: Optional<dyn Touch>,
}

impl Server for Mirror {
    type Required = MirrorNeeds;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Mirror)
    }
}

impl Echo for Mirror {
    fn back<'f>(
        cx: &mut Cx<'f, Self>,
        caller: Ref<'f, dyn Node>,
        depth: u32,
    ) -> Result<u32, NodeError> {
        caller.visit(cx, depth)
    }
}

impl Touch for Mirror {
    fn touch(cx: &mut AtomicCx<'_, Self>, depth: u32) -> Result<u32, NodeError> {
        cx.req().touch.or_absent()?.touch(depth)
    }
}

/// A tree, and the mirror that it calls, whose `touch` leads to `touched`.
fn tree(session: &Session, touched: u64) -> (Loaded, Loaded) {
    let mirror = session.load::<Mirror>(&[touched]).unwrap();
    (session.load::<Tree>(&[mirror.root(0), mirror.root(1)]).unwrap(), mirror)
}

#[test]
fn a_server_that_is_entered_again_during_its_call_sees_what_changed() {
    let session = Session::begin();
    let (tree, _) = tree(&session, 0);
    session.run(|cx| {
        let tree = tree.get::<dyn Node, _>(cx);
        assert_eq!(tree.visit(cx, 5), Ok(7));
    });
}

#[test]
fn an_atomic_service_that_is_entered_again_refuses() {
    let session = Session::begin();
    let (tree, mirror) = tree(&session, 0);
    session.connect(mirror, 0, tree.root(1));
    session.run(|cx| {
        let touch = tree.get_kind::<dyn Touch, _>(cx, 1);
        assert_eq!(touch.touch(0), Ok(2));
        assert_eq!(touch.touch(1), Err(NodeError::System(SystemError::Reentered)));
        // It was left in order.
        assert_eq!(touch.touch(0), Ok(4));
    });
}

#[test]
fn a_requirement_that_is_replaced_is_seen_at_the_next_call() {
    let session = Session::begin();
    let (first, mirror) = tree(&session, 0);
    let (second, _) = tree(&session, first.root(1));
    session.run(|cx| {
        let touch = mirror.get_kind::<dyn Touch, _>(cx, 1);
        assert_eq!(touch.touch(0), Err(NodeError::System(SystemError::Absent)));
        session.connect(mirror, 0, first.root(1));
        assert_eq!(touch.touch(0), Ok(2));
        session.connect(mirror, 0, second.root(1));
        assert_eq!(touch.touch(0), Ok(2));
        assert_eq!(touch.touch(0), Ok(3));
    });
}

#[test]
fn local_servers_reach_their_parents() {
    let session = Session::begin();
    let (tree, _) = tree(&session, 0);
    session.run(|cx| {
        let child = tree.get::<dyn Node, _>(cx).child(cx).unwrap();
        assert_eq!(child.path(cx), Ok(1));
        assert_eq!(child.visit(cx, 0), Ok(12));
        let grandchild = child.child(cx).unwrap();
        assert_eq!(grandchild.path(cx), Ok(1312));
        assert_eq!(grandchild.visit(cx, 1), Ok(13));
        assert_eq!(grandchild.child(cx).unwrap().path(cx), Ok(1312));
    });
}

#[test]
fn a_local_server_lives_as_long_as_its_own_local_servers() {
    let session = Session::begin();
    let (tree, _) = tree(&session, 0);
    let mut kept: Option<Kept<dyn Node>> = None;
    let before = session.alive();
    session.run(|cx| {
        let child = tree.get::<dyn Node, _>(cx).child(cx).unwrap();
        kept = Some(child.child(cx).unwrap().keep().unwrap());
    });
    assert_eq!(session.alive(), before + 2);
    session.run(|cx| assert_eq!(kept.as_ref().unwrap().get(cx).unwrap().path(cx), Ok(201)));
    session.run(|_| kept = None);
    assert_eq!(session.alive(), before);
}

#[test]
fn a_scope_drops_what_was_got_in_it() {
    let session = Session::begin();
    let (tree, _) = tree(&session, 0);
    let before = session.alive();
    session.run(|cx| {
        let tree = tree.get::<dyn Node, _>(cx);
        for _ in 0..3 {
            let path = cx.scope(|cx| {
                let child = tree.child(cx).unwrap();
                assert_eq!(session.alive(), before + 1);
                child.path(cx)
            });
            assert_eq!(path, Ok(1));
            assert_eq!(session.alive(), before);
        }
    });
}

#[test]
fn a_reference_of_an_outer_frame_is_passed_in_a_scope() {
    let session = Session::begin();
    let (tree, mirror) = tree(&session, 0);
    let before = session.alive();
    session.run(|cx| {
        let echo = mirror.get::<dyn Echo, _>(cx);
        let outer = tree.get::<dyn Node, _>(cx);
        assert_eq!(cx.scope(|cx| echo.back(cx, outer, 0)), Ok(2));
        assert_eq!(outer.visit(cx, 0), Ok(3));
    });
    assert_eq!(session.alive(), before);
}

#[test]
fn the_lock_is_free_while_unlocked_work_runs_and_taken_afterwards() {
    let session = Session::begin();
    let (tree, _) = tree(&session, 0);
    session.run(|cx| {
        let node = tree.get::<dyn Node, _>(cx);
        let visits = cx.unlocked(|cx| {
            assert!(!session.test_locked());
            node.visit(cx, 0)
        });
        assert!(session.test_locked());
        assert_eq!(visits, Ok(2));
    });
}

#[test]
fn a_panic_in_unlocked_work_leaves_it_with_the_lock_taken_again() {
    let session = Session::begin();
    session.run(|cx| {
        let work = AssertUnwindSafe(|| {
            cx.unlocked(|_| -> u64 {
                assert!(!session.test_locked());
                panic!("in unlocked work");
            })
        });
        assert!(catch_unwind(work).is_err());
        assert!(session.test_locked());
    });
}

#[test]
fn hooks_come_in_their_order() {
    let session = Session::begin();
    let (tree, _) = tree(&session, 0);
    TRACE.set("");
    tree.release();
    assert_eq!(TRACE.get(), "dropped");
}

#[test]
fn an_optional_requirement_may_be_absent() {
    let session = Session::begin();
    let mirror = session.load::<Mirror>(&[]).unwrap();
    let tree = session.load::<Tree>(&[mirror.root(0)]).unwrap();
    session.run(|cx| assert_eq!(tree.get_kind::<dyn Touch, _>(cx, 1).touch(5), Ok(2)));
}
