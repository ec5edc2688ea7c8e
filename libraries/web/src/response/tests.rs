use alloc::{format, vec};

use proptest::prelude::*;

use super::*;

fn of(text: &str) -> Head {
    match read(text.as_bytes(), false) {
        Read::Head(head, length) if length == text.len() => head,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn with(fields: &str) -> Read {
    read(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes(), false)
}

fn framing_of(fields: &str) -> Result<Framing, BadResponse> {
    match with(fields) {
        Read::Head(head, _) => Ok(head.framing),
        Read::Bad(error) => Err(error),
        Read::Partial => panic!("{fields:?}"),
    }
}

/// All that is content in these pieces, and whether that is all.
fn content(framing: Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), BadResponse> {
    let (mut body, mut output) = (Body::new(framing), Vec::new());
    pieces.iter().try_for_each(|piece| body.take(piece, &mut output))?;
    Ok((output, body.is_whole()))
}

#[test]
fn a_usual_head_is_understood() {
    let head = of("HTTP/1.1 302 Found\r\nLocation: /x \r\nContent-Length: 5\r\n\r\n");
    let expected = Head {
        status: 302,
        reason: "Found".into(),
        location: Some("/x".into()),
        framing: Framing::Length(5),
    };
    assert_eq!(head, expected);
    assert_eq!(of("HTTP/1.0 200 OK\r\n\r\n").framing, Framing::UntilEnd);
}

#[test]
fn the_head_says_how_long_the_body_is() {
    assert_eq!(framing_of("content-length: 7\r\n"), Ok(Framing::Length(7)));
    assert_eq!(framing_of("Content-Length: 7, 7\r\nContent-Length: 7\r\n"), Ok(Framing::Length(7)));
    assert_eq!(framing_of("Transfer-Encoding: Chunked\r\n"), Ok(Framing::Chunked));
    // RFC 9112, section 6.3: the coding overrides the length.
    let both = framing_of("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n");
    assert_eq!(both, Ok(Framing::Chunked));
    for fields in [
        "Content-Length: 7\r\nContent-Length: 8\r\n",
        "Content-Length: +7\r\n",
        "Content-Length: 7x\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999\r\n",
    ] {
        assert_eq!(framing_of(fields), Err(BadResponse::BadLength), "{fields}");
    }
    for fields in [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Content-Encoding: gzip\r\n",
    ] {
        assert_eq!(framing_of(fields), Err(BadResponse::UnknownCoding), "{fields}");
    }
    let old = read(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false);
    assert_eq!(old, Read::Bad(BadResponse::BadLength));
}

#[test]
fn some_answers_have_no_body_whatever_they_say() {
    for status in ["100 Continue", "103 Early Hints", "204 No Content", "304 Not Modified"] {
        let head = of(&format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\n"));
        assert_eq!(head.framing, Framing::Length(0), "{status}");
    }
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    let Read::Head(head, _) = read(text, true) else { panic!("it is a head") };
    assert_eq!(head.framing, Framing::Length(0));
}

#[test]
fn what_is_no_head_is_refused() {
    assert_eq!(read(b"SSH-2.0-OpenSSH\r\n", false), Read::Bad(BadResponse::Malformed));
    assert_eq!(read(b"HTTP/2.0 200 OK\r\n\r\n", false), Read::Bad(BadResponse::Malformed));
    assert_eq!(read(b"HTTP/1.1 200 OK\r\nA: b\r\n", false), Read::Partial);
    assert_eq!(read(b"", false), Read::Partial);
    let long = format!("A: {}\r\n", "b".repeat(HEAD_BYTES));
    assert_eq!(with(&long), Read::Bad(BadResponse::HeadTooLarge));
    let many = "A: b\r\n".repeat(FIELDS + 1);
    assert_eq!(with(&many), Read::Bad(BadResponse::HeadTooLarge));
}

#[test]
fn chunks_are_put_together() {
    let text: &[u8] = b"4;a=b\r\nWarr\r\nA\r\nen\r\nburrow\r\n0\r\nAge: 1\r\n\r\nsurplus";
    assert_eq!(content(Framing::Chunked, &[text]), Ok((b"Warren\r\nburrow".into(), true)));
    let open: &[u8] = b"4\r\nWarr\r\n0\r\n";
    assert_eq!(content(Framing::Chunked, &[open]), Ok((b"Warr".into(), false)));
}

#[test]
fn damaged_chunks_are_noticed() {
    for text in
        ["4\r\nWarren", "x\r\n", "\r\n", "-1\r\n", "4\n", "1ffffffffffffffff\r\n", "4 4\r\n"]
    {
        let came = content(Framing::Chunked, &[text.as_bytes()]);
        // The end of the second line is not there yet.
        let text = [text.as_bytes(), b"\r\n"];
        let came = came.and_then(|_| content(Framing::Chunked, &text));
        assert_eq!(came, Err(BadResponse::BadChunk), "{text:?}");
    }
    for endless in [&[b'1'; LINE_BYTES + 1][..], &[b"0\r\n", &[b'a'; HEAD_BYTES + 1][..]].concat()]
    {
        assert_eq!(content(Framing::Chunked, &[endless]), Err(BadResponse::BadChunk));
    }
    let trailer = b"A: b\r\n".repeat(HEAD_BYTES / 6 + 1);
    let endless = [&b"0\r\n"[..], &trailer].concat();
    assert_eq!(content(Framing::Chunked, &[&endless]), Err(BadResponse::BadChunk));
}

#[test]
fn an_end_in_the_middle_is_noticed() {
    let end = |framing, text: &[u8]| {
        let mut body = Body::new(framing);
        body.take(text, &mut Vec::new()).and_then(|()| body.end())
    };
    assert_eq!(end(Framing::Length(3), b"abc"), Ok(()));
    assert_eq!(end(Framing::Length(3), b"ab"), Err(BadResponse::Truncated));
    assert_eq!(end(Framing::UntilEnd, b"ab"), Ok(()));
    assert_eq!(end(Framing::Chunked, b"1\r\na\r\n"), Err(BadResponse::Truncated));
    assert_eq!(end(Framing::Chunked, b"1\r\na\r\n0\r\n\r\n"), Ok(()));
}

/// Text as chunks.
fn chunked(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut text = Vec::new();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        text.extend(format!("{:x}\r\n", piece.len()).bytes());
        text.extend(piece);
        text.extend(b"\r\n");
    }
    text.extend(b"0\r\n\r\n");
    text
}

proptest! {
    #[test]
    fn it_does_not_matter_how_a_body_is_cut(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
        cut in 1_usize..20,
    ) {
        let text = chunked(&pieces);
        let cuts: Vec<&[u8]> = text.chunks(cut).collect();
        prop_assert_eq!(content(Framing::Chunked, &cuts), Ok((pieces.concat(), true)));
        let all = vec![1; text.len()];
        let cuts: Vec<&[u8]> = all.chunks(cut).collect();
        prop_assert_eq!(content(Framing::Length(3), &cuts), Ok((vec![1; 3], true)));
    }

    #[test]
    fn whatever_comes_is_no_more_than_came(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes, false);
        for framing in [Framing::Chunked, Framing::Length(7), Framing::UntilEnd] {
            if let Ok((content, _)) = content(framing, &[&bytes]) {
                prop_assert!(content.len() <= bytes.len());
            }
        }
    }
}
