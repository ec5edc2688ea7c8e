//! What travels, and what becomes of words that mean nothing.

use warren::{
    AtomicCx, Cx, Flat, New, Out, Ref, Server, StartError, SystemError, errors, server, service,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::engine::{Loaded, Session};

stubs! {
    "wcall.00000001.0.Post.everything.vvwiibos6r1_w" everything 0
        (a b c text text_length data data_length both both_length out out_length place friend) plain
    "wcall.00000001.1.Post.mirror.s6vt6_n" mirror 1 (place by result) plain
    "wcall.00000001.2.Post.negate.v_v" negate 2 (number) plain
    "wcall.00000001.3.Post.invert.v_v" invert 3 (flag) plain
    "wcall.00000001.4.Post.fail.w_n" fail 4 (number) plain
    "wcall.00000001.5.Post.nothing._r1" nothing 5 () reference
    "wcalla.00000002.0.Counter.next._v" next 0 () atomic
}

/// A structure whose size is no multiple of a word's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Place {
    x: i16,
    y: i16,
    z: i16,
}

impl Flat for Place {}

#[errors]
pub enum PostError {
    /// The letter
    /// was lost.
    Lost = 1,
    /// Nobody lives there.
    Unknown = 0xffff,
}

#[service(id = 1)]
pub trait Post {
    #[expect(clippy::too_many_arguments, reason = "as many words as a call carries")]
    fn everything<'f>(
        cx: &mut Cx<'f, Self>,
        number: i32,
        flag: bool,
        wide: i64,
        text: &str,
        data: &[u8],
        both: &mut [u8],
        out: Out<'_>,
        place: &Place,
        friend: Ref<'f, dyn Post>,
    ) -> Result<u64, PostError>;
    fn mirror(cx: &mut Cx<'_, Self>, place: &Place, by: i16) -> Result<Place, PostError>;
    fn negate(cx: &mut Cx<'_, Self>, number: i8) -> Result<i8, PostError>;
    fn invert(cx: &mut Cx<'_, Self>, flag: bool) -> Result<bool, PostError>;
    fn fail(cx: &mut Cx<'_, Self>, number: u64) -> Result<(), PostError>;
    fn nothing<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Post>, PostError>;
}

#[service(id = 2, atomic)]
pub trait Counter {
    fn next(cx: &mut AtomicCx<'_, Self>) -> Result<u32, PostError>;
}

/// A post office.
#[server(provides(Post, Counter))]
pub struct Office {
    calls: u32,
}

impl Server for Office {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Office { calls: 0 })
    }
}

impl Post for Office {
    fn everything<'f>(
        cx: &mut Cx<'f, Self>,
        number: i32,
        flag: bool,
        wide: i64,
        text: &str,
        data: &[u8],
        both: &mut [u8],
        mut out: Out<'_>,
        place: &Place,
        friend: Ref<'f, dyn Post>,
    ) -> Result<u64, PostError> {
        assert_eq!((number, flag, wide), (-5, true, i64::MIN));
        assert_eq!((text, data, &*both), ("Grüße", &b"data"[..], &b"both"[..]));
        assert_eq!((out.len(), *place), (6, Place { x: 1, y: -2, z: 3 }));
        both.make_ascii_uppercase();
        out.fill_from(data);
        Ok(friend.negate(cx, 7)? as u64)
    }

    fn mirror(_cx: &mut Cx<'_, Self>, place: &Place, by: i16) -> Result<Place, PostError> {
        Ok(Place { x: by - place.x, y: by - place.y, z: by - place.z })
    }

    fn negate(_cx: &mut Cx<'_, Self>, number: i8) -> Result<i8, PostError> {
        Ok(-number)
    }

    fn invert(cx: &mut Cx<'_, Self>, flag: bool) -> Result<bool, PostError> {
        cx.calls += 1;
        Ok(!flag)
    }

    fn fail(_cx: &mut Cx<'_, Self>, number: u64) -> Result<(), PostError> {
        Err(PostError::from_number(number))
    }

    fn nothing<'f>(_cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Post>, PostError> {
        Err(PostError::Unknown)
    }
}

impl Counter for Office {
    fn next(cx: &mut AtomicCx<'_, Self>) -> Result<u32, PostError> {
        cx.calls += 1;
        Ok(cx.calls)
    }
}

fn office(session: &Session) -> Loaded {
    session.load::<Office>(&[]).unwrap()
}

#[test]
fn every_kind_of_parameter_arrives_as_it_was_sent() {
    let session = Session::begin();
    let (one, other) = (office(&session), office(&session));
    session.run(|cx| {
        let (mut both, mut out) = (*b"both", *b"......");
        let place = Place { x: 1, y: -2, z: 3 };
        let friend = other.get(cx);
        let result = one.get::<dyn Post, _>(cx).everything(
            cx,
            -5,
            true,
            i64::MIN,
            "Grüße",
            b"data",
            &mut both,
            &mut out,
            &place,
            friend,
        );
        assert_eq!(result, Ok(-7_i8 as u64));
        assert_eq!((&both, &out), (b"BOTH", b"data.."));
    });
}

#[test]
fn results_of_every_kind_come_back() {
    let session = Session::begin();
    let office = office(&session);
    session.run(|cx| {
        let post = office.get::<dyn Post, _>(cx);
        let place = Place { x: 1, y: -2, z: 3 };
        assert_eq!(post.mirror(cx, &place, 10), Ok(Place { x: 9, y: 12, z: 7 }));
        assert_eq!(post.negate(cx, 127), Ok(-127));
        assert_eq!(post.invert(cx, true), Ok(false));
        assert_eq!(post.nothing(cx).err(), Some(PostError::Unknown));
        assert_eq!(office.get_kind::<dyn Counter, _>(cx, 1).next(), Ok(2));
    });
}

#[test]
fn errors_keep_their_numbers() {
    let session = Session::begin();
    let office = office(&session);
    session.run(|cx| {
        let post = office.get::<dyn Post, _>(cx);
        for error in [
            PostError::Lost,
            PostError::Unknown,
            PostError::System(SystemError::Lost),
            PostError::System(SystemError::Absent),
        ] {
            assert_eq!(post.fail(cx, error.number()), Err(error));
        }
    });
    assert_eq!(PostError::Lost.number(), 1);
}

#[test]
fn a_number_that_the_service_does_not_define_is_a_bad_answer() {
    for number in [2, 0xfffe, 0x1_ffff, u64::MAX] {
        assert_eq!(PostError::from_number(number), PostError::System(SystemError::BadAnswer));
    }
}

#[test]
fn the_doc_comment_is_the_message() {
    assert_eq!(PostError::Lost.to_string(), "the letter was lost");
    assert_eq!(PostError::System(SystemError::Gone).message(), SystemError::Gone.message());
}

#[test]
fn words_that_are_no_values_do_not_reach_the_server() {
    let session = Session::begin();
    let office = office(&session);
    let refused = SystemError::BadArgument.number();
    assert_eq!(session.call_raw(office.root(0), 3, &[2]).error, refused);
    // The upper bits of a narrow value mean nothing.
    assert_eq!(session.call_raw(office.root(0), 3, &[0x100]).value, 1);
    let text = b"\xff";
    let words = [0, 0, 0, text.as_ptr().addr() as u64, 1];
    assert_eq!(session.call_raw(office.root(0), 0, &words).error, refused);
}

#[test]
fn a_null_reference_does_not_reach_the_server() {
    let session = Session::begin();
    let office = office(&session);
    let place = Place { x: 0, y: 0, z: 0 };
    let mut words = [0; 13];
    words[11] = (&raw const place).addr() as u64;
    let answer = session.call_raw(office.root(0), 0, &words);
    assert_eq!(answer.error, SystemError::BadReference.number());
}
